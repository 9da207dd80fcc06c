import IPCCore
import TestSupport
import Testing

@Suite(.watched) struct CallsStreamTests {
    private func offer(_ item: UInt8, _ id: UInt64, _ state: inout TestState) -> String {
        switch state.offer([item], for: id) {
        case .sent: "sent"
        case .mustWait: "wait"
        case .refused(let failure): "refused \(failure.error.code)"
        }
    }

    @Test func itemsWaitForCredit() throws {
        var pair = CallPair()
        let id = try pair.begin(window: 2)
        try pair.pump()
        #expect(offer(1, id, &pair.callee) == "sent")
        #expect(offer(2, id, &pair.callee) == "sent")
        #expect(offer(3, id, &pair.callee) == "wait")
        #expect(pair.callee.waitForCredit(for: id, 1, "handler").isEmpty)
        try pair.pump()
        #expect(pair.calleeActions.count == 1)
        #expect(pair.caller.next(id).event == .item([1]))
        try pair.pump()
        #expect(pair.calleeActions.last == "resume handler credit")
        #expect(offer(3, id, &pair.callee) == "sent")
        _ = pair.callee.finish(id, with: .end)
        try pair.pump()
        #expect(pair.caller.next(id).event == .item([2]))
        #expect(pair.caller.next(id).event == .item([3]))
        #expect(pair.caller.next(id).event == .end)
    }

    @Test func itemWakesTheOneWhoWaits() throws {
        var pair = CallPair()
        let id = try pair.begin(window: 4)
        _ = pair.caller.wait(for: id, "me")
        try pair.pump()
        _ = offer(5, id, &pair.callee)
        try pair.pump()
        #expect(pair.callerActions == ["resume me item [5]"])
    }

    @Test func whatArrivedIsDeliveredBeforeTheFailure() throws {
        var pair = CallPair()
        let id = try pair.begin(window: 4)
        try pair.pump()
        _ = offer(5, id, &pair.callee)
        try pair.pump()
        let gone = IPCError(.peerClosed, "gone")
        _ = pair.caller.end(with: gone)
        #expect(pair.caller.next(id).event == .item([5]))
        #expect(pair.caller.next(id).event == .failure(CallFailure(gone, reach: .unknown)))
    }

    @Test func cancelWakesAHandlerThatWaitsForCredit() throws {
        var pair = CallPair()
        let id = try pair.begin(window: 1)
        try pair.pump()
        _ = offer(1, id, &pair.callee)
        _ = pair.callee.waitForCredit(for: id, 1, "handler")
        _ = pair.caller.abandon(id, IPCError.cancelled("test"))
        try pair.pump()
        #expect(pair.calleeActions.last == "resume handler failure cancelled")
        #expect(offer(2, id, &pair.callee) == "refused cancelled")
    }

    @Test func answerOfTheOtherKindIsAnErrorOfTheHandler() throws {
        var pair = CallPair()
        let stream = try pair.begin(window: 1)
        let single = try pair.begin()
        try pair.pump()
        #expect(offer(1, single, &pair.callee) == "refused unsupported")
        _ = pair.callee.finish(stream, with: .reply([1]))
        _ = pair.callee.finish(single, with: .end)
        try pair.pump()
        for id in [stream, single] {
            guard case .failure(let failure)? = pair.caller.next(id).event else {
                Issue.record("no failure")
                continue
            }
            #expect(failure.error.code == .unsupported)
        }
    }
}
