import Glibc
import IPCTestKit
import Testing

/// The tests that run at this moment: two for each processor, in the order in which they came.
private actor Turns {
    static let shared = Turns()

    private var free = 2 * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
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

/// Runs each test when it is its turn, a few at a time: each starts several processes, and all at once they would starve each
/// other on a small machine, until deadlines pass that nobody meant to try.
struct InTurn: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        // A suite is only the sum of its tests.
        guard testCase != nil else { return try await function() }
        await Turns.shared.take()
        do {
            // What hangs ends the program and is named.
            try await withWatchdog(.seconds(600), test.name, function)
        } catch {
            await Turns.shared.giveBack()
            throw error
        }
        await Turns.shared.giveBack()
    }
}

extension Trait where Self == InTurn {
    /// In turn, and for at most ten minutes.
    static var inTurn: Self { InTurn() }
}
