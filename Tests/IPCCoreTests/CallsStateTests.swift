import IPCCore
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct CallsStateTests {
    @Test func requestAndReply() throws {
        var pair = CallPair()
        let id = try pair.begin(7, [1, 2])
        #expect(pair.caller.wait(for: id, "me").isEmpty)
        try pair.pump()
        #expect(pair.calleeActions == ["start 1 method 7 [1, 2]"])
        _ = pair.callee.finish(1, with: .reply([3]))
        try pair.pump()
        #expect(pair.callerActions == ["resume me reply [3]"])
    }

    @Test func repliesComeInAnyOrder() throws {
        var pair = CallPair()
        let ids = try (0..<3).map { _ in try pair.begin() }
        for id in ids { _ = pair.caller.wait(for: id, "w\(id)") }
        try pair.pump()
        for id in [3, 1, 2] as [UInt64] { _ = pair.callee.finish(id, with: .reply([UInt8(id)])) }
        try pair.pump()
        #expect(pair.callerActions == ["resume w3 reply [3]", "resume w1 reply [1]", "resume w2 reply [2]"])
    }

    @Test func answerBeforeTheWaitIsKept() throws {
        var pair = CallPair()
        let id = try pair.begin()
        try pair.pump()
        _ = pair.callee.finish(id, with: .reply([9]))
        try pair.pump()
        #expect(pair.caller.wait(for: id, "me").compactMap(\.text) == ["resume me reply [9]"])
    }

    @Test func errorsKeepTheirKindAndTheirBytes() throws {
        var pair = CallPair()
        let id = try pair.begin()
        try pair.pump()
        let failure = CallFailure(
            IPCError(.notFound, "no such key"), typeName: "Store.Missing", payload: [1, 2, 3])
        _ = pair.callee.finish(id, with: .failure(failure))
        try pair.pump()
        #expect(pair.caller.next(id).event == .failure(failure))
    }

    @Test func peerThatIsFullMakesCallersWait() throws {
        var pair = CallPair()
        pair.callee = .make(requests: 2)
        for _ in 0..<5 { _ = try pair.begin() }
        try pair.pump()
        #expect(pair.calleeActions.count == 2)
        _ = pair.callee.finish(2, with: .reply([]))
        try pair.pump()
        #expect(pair.calleeActions.count == 3)
        _ = pair.callee.finish(1, with: .reply([]))
        _ = pair.callee.finish(3, with: .reply([]))
        try pair.pump()
        #expect(pair.calleeActions.count == 5)
    }

    @Test func callThatIsGivenUpBeforeItLeftIsNeverSent() throws {
        var pair = CallPair()
        pair.callee = .make(requests: 1)
        let first = try pair.begin()
        let second = try pair.begin()
        try pair.pump()
        _ = pair.caller.wait(for: second, "second")
        let actions = pair.caller.abandon(second, IPCError.cancelled("test")).compactMap(\.text)
        #expect(actions == ["resume second failure cancelled"])
        _ = pair.callee.finish(first, with: .reply([]))
        try pair.pump()
        #expect(pair.calleeActions == ["start 1 method 1 []"])
    }

    @Test func cancelReachesTheHandlerAndFreesItsPlaceOnlyWhenItIsDone() throws {
        var pair = CallPair()
        pair.callee = .make(requests: 1)
        let id = try pair.begin()
        try pair.pump()
        _ = pair.callee.register("job", for: id)
        _ = pair.caller.abandon(id, IPCError.cancelled("test"))
        _ = try pair.begin(2)
        try pair.pump()
        #expect(pair.calleeActions == ["start 1 method 1 []", "cancel job"])
        _ = pair.callee.finish(id, with: .failure(CallFailure(IPCError.cancelled("call"))))
        try pair.pump()
        #expect(pair.calleeActions.last == "start 2 method 2 []")
        #expect(pair.callerActions.isEmpty)
    }

    @Test func cancelBeforeTheHandleIsKnown() throws {
        var pair = CallPair()
        let id = try pair.begin()
        try pair.pump()
        _ = pair.caller.abandon(id, IPCError.cancelled("test"))
        try pair.pump()
        #expect(pair.callee.register("late", for: id).compactMap(\.text) == ["cancel late"])
    }

    @Test func cancelThatCrossesTheReplyIsHarmless() throws {
        var pair = CallPair()
        let id = try pair.begin()
        try pair.pump()
        _ = pair.callee.finish(id, with: .reply([1]))
        _ = pair.caller.abandon(id, IPCError.cancelled("test"))
        try pair.pump()
        #expect(pair.callee.ended == nil && pair.caller.ended == nil)
        let next = try pair.begin()
        try pair.pump()
        _ = pair.callee.finish(next, with: .reply([2]))
        try pair.pump()
        #expect(pair.caller.next(next).event == .reply([2]))
    }

    @Test func deadlinesEndTheCallAndTravelAsRemainingTime() throws {
        var pair = CallPair()
        let soon = Deadline.after(.seconds(50))
        let (id, actions) = try pair.caller.begin(method: 1, payload: [], until: soon, window: 0)
        #expect(
            actions.contains {
                if case .arm(soon) = $0 { true } else { false }
            })
        _ = pair.caller.wait(for: id, "me")
        var started: [IncomingRequest] = []
        _ = try pair.caller.receive(pair.callee.takeOutput()[0])
        for packet in pair.caller.takeOutput() {
            for case .start(let request) in try pair.callee.receive(packet) { started.append(request) }
        }
        let remaining = try #require(started.first?.deadline.remaining)
        #expect(remaining > .seconds(40) && remaining <= .seconds(50))
        #expect(pair.caller.expire(at: soon.nanoseconds - 1).compactMap(\.text).isEmpty)
        #expect(pair.caller.expire(at: soon.nanoseconds).compactMap(\.text) == ["resume me failure timedOut"])
    }

    @Test func deathOfThePeerFailsWhatIsOpenAndStopsItsHandlers() throws {
        var pair = CallPair()
        let ids = try (0..<3).map { _ in try pair.begin() }
        _ = pair.caller.wait(for: ids[0], "first")
        try pair.pump()
        for id in ids { _ = pair.callee.register("job\(id)", for: id) }
        let gone = IPCError(.peerClosed, "gone")
        #expect(pair.caller.end(with: gone).compactMap(\.text) == ["resume first failure peerClosed"])
        #expect(pair.caller.next(ids[1]).event == .failure(CallFailure(gone, reach: .unknown)))
        #expect(pair.caller.wait(for: ids[2], "w").compactMap(\.text) == ["resume w failure peerClosed"])
        #expect(throws: gone) { try pair.begin() }
        #expect(
            pair.callee.end(with: gone).compactMap(\.text).sorted() == ["cancel job1", "cancel job2", "cancel job3"])
    }

    @Test func replyAboveTheLimitBecomesAFailure() throws {
        var pair = CallPair()
        pair.caller = .make(messageSize: 100_000)
        pair.callee = .make(messageSize: 100_000)
        let id = try pair.begin()
        try pair.pump()
        _ = pair.callee.finish(id, with: .reply([UInt8](repeating: 0, count: 100_000)))
        try pair.pump()
        guard case .failure(let failure)? = pair.caller.next(id).event else {
            Issue.record("no failure")
            return
        }
        #expect(failure.error.code == .messageTooLarge)
        #expect(throws: IPCError.self) { try pair.begin(1, [UInt8](repeating: 0, count: 100_000)) }
    }

    @Test func sideThatServesNothingSaysSo() throws {
        var pair = CallPair()
        pair.callee = .make(requests: 0)
        let early = try pair.begin()
        try pair.pump()
        guard case .failure(let failure)? = pair.caller.next(early).event else {
            Issue.record("no failure")
            return
        }
        #expect(failure.error.code == .unsupported)
        #expect(throws: IPCError.self) { try pair.begin() }
    }
}
