import IPCMessageQueue
import IPCSystem
import IPCTestKit
import Synchronization
import TestSupport
import Testing

@testable import IPCCore

/// Calls that block a thread and are ended: whatever the instant, a message is returned or still there.
@Suite(.watched) struct InterruptionTests {
    /// Cancelled and expired receives against a sender: received and left is what was sent.
    @Test(arguments: [true, false]) func interruptedReceivesLoseNothing(byCancelling: Bool) async throws {
        try await withSystemVQueue { queue, _ in
            let rounds = 1_500
            let sender = Task {
                for index in 0..<rounds {
                    try await queue.send(QueueMessage("\(index)"), until: soon)
                    if index % 3 == 0 { try await Task.sleep(for: .microseconds(index % 200)) }
                }
            }
            var generator = SeededGenerator(seed: byCancelling ? 1 : 2)
            var found: [Int] = []
            var interruptions = 0
            while found.count < rounds {
                let pause = Duration.microseconds(Int.random(in: 0...400, using: &generator))
                let receiver = Task {
                    try await queue.receive(.any, until: byCancelling ? soon : .after(pause)).text
                }
                if byCancelling {
                    try await Task.sleep(for: pause)
                    receiver.cancel()
                }
                do {
                    found.append(try #require(Int(try await receiver.value)))
                } catch let error as IPCError {
                    #expect(error.code == (byCancelling ? .cancelled : .timedOut))
                    interruptions += 1
                    guard interruptions < 100_000 else { break }
                }
            }
            try await sender.value
            #expect(found == Array(0..<rounds))
            #expect(try queue.depth == 0)
        }
    }

    @Test func interruptedSendsSendOnceOrNot() async throws {
        try await withSystemVQueue(SystemVQueueOptions(byteLimit: 16)) { queue, key in
            let other = try SystemVMessageQueue(key, .open)
            var generator = SeededGenerator(seed: 3)
            let isOver = Atomic(false)
            async let received: [Int] = {
                var found: [Int] = []
                while true {
                    if let message = try other.tryReceive(.any) {
                        found.append(Int(message.text) ?? -1)
                    } else if isOver.load(ordering: .acquiring) {
                        return found
                    } else {
                        try await Task.sleep(for: .microseconds(150))
                    }
                }
            }()
            var sent: [Int] = []
            for index in 0..<1_000 {
                let limit = Deadline.after(.microseconds(Int.random(in: 0...300, using: &generator)))
                let error = await failure { try await queue.send(QueueMessage("\(index)"), until: limit) }
                if error == nil { sent.append(index) } else { #expect(error?.code == .timedOut) }
            }
            isOver.store(true, ordering: .releasing)
            #expect(try await received == sent)
        }
    }

    @Test func threadsAreUsedAgainAndBounded() async throws {
        let calls = InterruptibleCalls(limit: 4)
        let queue = try SystemVMessageQueue.makePrivate()
        defer { try? SystemVMessageQueue.remove(identifier: queue.identifier) }
        let ends = (0..<4).map { _ in BlockedCall() }
        let codes = await withTaskGroup(of: IPCError.Code?.self) { group in
            for call in ends {
                group.addTask { await blocked(calls, call, queue.identifier) }
            }
            while calls.count < 4 { try? await Task.sleep(for: .milliseconds(1)) }
            let fifth = await blocked(calls, BlockedCall(), queue.identifier)
            #expect(fifth == .resourceExhausted)
            for call in ends { call.interrupt() }
            return await group.reduce(into: [IPCError.Code?]()) { $0.append($1) }
        }
        // Ended from elsewhere, which is no error of the call's.
        #expect(codes == [nil, nil, nil, nil])
        #expect(calls.count == 0)
        // A call that was ended before it began is not made.
        let early = BlockedCall()
        early.interrupt()
        #expect(await blocked(calls, early, queue.identifier) == nil)
    }

    /// What is thrown, and nil where the call was ended.
    private func blocked(_ calls: InterruptibleCalls, _ call: BlockedCall, _ queue: Int32) async -> IPCError.Code? {
        do throws(IPCError) {
            let choice = SystemVQueueCalls.Choice(type: 0, isException: false, cuts: false)
            let count = try await calls.run(call, until: soon, "wait") { () throws(IPCError) -> Int? in
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 16)
                defer { unsafe buffer.deallocate() }
                do throws(SystemCallError) {
                    return try unsafe SystemVQueueCalls.receiveInterruptibly(queue, into: buffer, choice)
                } catch {
                    throw IPCError(error, "wait")
                }
            }
            #expect(count == nil)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func theSignalIsOneThatNobodyUses() throws {
        let number = try InterruptSignal.take()
        #expect(Signal(rawValue: number).isRealTime && InterruptCalls.has(number))
        #expect(throws: IPCError.self) { try QueueWaits.useSignal(.terminate) }
        let other = try #require(Signal.realTimeSignals.first { $0.rawValue != number })
        let error = #expect(throws: IPCError.self) { try QueueWaits.useSignal(other) }
        #expect(error?.code == .busy)
    }
}
