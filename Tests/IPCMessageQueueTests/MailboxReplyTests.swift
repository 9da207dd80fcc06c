import IPCMessageQueue
import IPCProcess
import IPCSystem
import TestSupport
import Testing

/// Answers that nobody takes.
@Suite(.watched) struct MailboxReplyTests {
    /// More of these than there is room for.
    private let wide = [UInt8](repeating: 9, count: 8192)
    private let many = 700

    private func isStopped(_ child: ChildProcess) throws -> Bool {
        String(decoding: try TestingCalls.contents(of: "/proc/\(child.processID)/status"), as: UTF8.self)
            .contains("State:\tT")
    }

    /// Who answers somebody whose place is full waits, and is told when he dies.
    @Test(arguments: [false, true]) func aFullPlaceOfTheDeadHoldsNobodyBack(_ onAThread: Bool) async throws {
        try await withMailbox { mailbox, name in
            try await withScenario(["mailbox-ask", name, "x"]) { child in
                let question = try await mailbox.receive(.any, until: soon)
                try child.send(.stop)
                let end = Deadline.after(.seconds(60))
                while try !isStopped(child), !end.hasPassed { try await Task.sleep(for: .milliseconds(1)) }
                let wide = wide
                func fill() async throws -> IPCError? {
                    await failure {
                        for _ in 0..<many { try await question.reply(wide, until: .after(.milliseconds(300))) }
                    }
                }
                #expect(try await fill()?.code == .timedOut, "the place is not full")
                let replying = Task {
                    if onAThread {
                        return try await onThread { () -> IPCError? in
                            do throws(IPCError) {
                                try question.replyBlocking(wide)
                                return nil
                            } catch {
                                return error
                            }
                        }
                    }
                    return await failure { try await question.reply(wide) }
                }
                try await Task.sleep(for: .milliseconds(50))
                _ = try await child.kill()
                #expect(try await replying.value?.code == .peerClosed)
                #expect(await failure { try await question.reply(wide, until: soon) }?.code == .peerClosed)
            }
        }
    }

    /// Those who gave up leave nothing in the way of those who go on, nor of whoever answers.
    @Test func lateAnswersAreInNobodysWay() async throws {
        try await withMailbox { mailbox, _ in
            async let first = mailbox.request([1], until: soon)
            let awaited = try await mailbox.receive(.any, until: soon)
            let late = Task { try await mailbox.request([2], until: soon) }
            let question = try await mailbox.receive(.any, until: soon)
            late.cancel()
            #expect(await failure { try await late.value }?.code == .cancelled)
            // One is waited for still, so these go into the place, and go from it.
            for _ in 0..<many { try await question.reply(wide, until: soon) }
            try await awaited.reply([3], until: soon)
            #expect(try await first == [3])
            // Nobody waits: these do not even go into it.
            for _ in 0..<many { try await question.reply(wide, until: soon) }
            try await awaited.reply(wide, until: soon)
            async let next = mailbox.request([4], until: soon)
            try await mailbox.receive(.any, until: soon).reply([5], until: soon)
            #expect(try await next == [5])
        }
    }
}
