import IPCTestKit
public import Testing

/// Runs each test of a suite when it is its turn, a few at a time, and under a watchdog that starts then.
///
/// The testing library starts every test at once. Hundreds of tests with processes of their own starve each other on two
/// cores, and on a loaded machine one that needs a second is not over after a minute. What waits for its turn costs nothing.
public struct Watched: SuiteTrait, TestTrait, TestScoping {
    /// Also for the suites inside a suite.
    public let isRecursive = true
    /// How long one test may take once it runs: a multiple of what it takes on a loaded machine.
    let limit: Duration

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        // A suite is only the sum of its tests; and who has a turn does not wait for another.
        guard testCase != nil, !Turns.isTaken else { return try await function() }
        await Turns.shared.take()
        do {
            try await Turns.$isTaken.withValue(true) {
                try await withWatchdog(limit, test.name, function)
            }
        } catch {
            await Turns.shared.giveBack()
            throw error
        }
        await Turns.shared.giveBack()
    }
}

extension Trait where Self == Watched {
    /// In turn, and for at most five minutes.
    public static var watched: Self { Watched(limit: .seconds(300)) }
}
