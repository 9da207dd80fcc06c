import IPCSystem
import IPCTestKit
import TestSupport
import Testing

@Suite(.watched) struct WatchdogTests {
    @Test func fastCodeIsLeftAlone() async throws {
        let result = try await withWatchdog(.seconds(60), "quick") { 7 }
        #expect(result == 7)
    }

    @Test func errorsArePassedOn() async {
        await #expect(throws: BodyError.self) { try await withWatchdog(.seconds(60)) { throw BodyError() } }
    }

    /// A task that never ends, and does not listen: the process says where and ends.
    @Test func stuckCodeEndsTheProcess() async throws {
        let result = try await #require(
            processExitsWith: .signal(6), observing: [\.standardErrorContent]
        ) {
            try await withWatchdog(.milliseconds(100), "the stuck thing") {
                await stickHere()
            }
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("watchdog: not over after 0.1 seconds: the stuck thing at IPCTestKitTests/WatchdogTests"))
        #expect(text.contains("ipc-watchdog in ") && text.contains("descriptor 2 "))
    }

    /// The same when every thread of the pool is blocked, so that nothing of Swift's could notice.
    @Test func blockedPoolEndsTheProcess() async throws {
        let result = try await #require(
            processExitsWith: .signal(6), observing: [\.standardErrorContent]
        ) {
            for _ in 0..<64 { Task.detached { while true { blockThisThread() } } }
            try await withWatchdog(.milliseconds(300), "the blocked pool") {
                try await Task.sleep(for: .seconds(3600))
            }
        }
        #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains("the blocked pool"))
    }
}

private struct BodyError: Error {}

/// Nobody resumes it, and cancellation does not either.
private func stickHere() async {
    unsafe await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
}

/// What must never happen on a thread of the pool.
private func blockThisThread() {
    FutexWord().wait(while: 0)
}
