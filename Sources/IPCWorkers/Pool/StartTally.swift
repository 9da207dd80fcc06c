/// Counts workers that went before they had begun a task: where each place of a pool loses one after another, nobody ever will.
///
/// Time plays no part in it: the pauses between the deaths grow, so that few workers never reach a limit that is counted in
/// so much time.
struct StartTally: Sendable {
    private let attempts: Int
    /// In a row, for each place.
    private var inVain: [Int]

    init(places: Int, _ attempts: Int) {
        self.attempts = max(1, attempts)
        inVain = Array(repeating: 0, count: places)
    }

    /// A worker has begun a task.
    mutating func began() {
        for place in inVain.indices { inVain[place] = 0 }
    }

    /// A worker is gone, or could not be started, while tasks waited.
    ///
    /// - Returns: whether the place is filled again.
    mutating func permits(_ place: Int) -> Bool {
        inVain[place] += 1
        return inVain.contains { $0 < attempts }
    }

    /// What a pool fails with then.
    func error(_ last: IPCError) -> IPCError {
        IPCError(
            .restartLimitReached,
            "run a task: \(attempts) workers in a row ended in each place before they began a task, so they are not replaced "
                + "any more; find out why they end, or raise startAttempts. The last time: \(last.message)",
            object: last.object, detail: last.detail)
    }
}
