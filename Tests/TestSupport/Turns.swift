import IPCSystem

/// The tests that run at this moment: two for each processor, in the order in which they came.
actor Turns {
    static let shared = Turns()
    /// Whether the test that asks has its turn already.
    @TaskLocal static var isTaken = false

    private var free = 2 * ProcessFacts.usableProcessors
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    func giveBack() {
        if waiting.isEmpty {
            free += 1
        } else {
            waiting.removeFirst().resume()
        }
    }
}
