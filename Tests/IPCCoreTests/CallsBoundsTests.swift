import IPCCore
import TestSupport
import Testing

/// What one end keeps for the other is bounded, whatever the other does, and calls that call back do not lock each other out.
@Suite(.watched) struct CallsBoundsTests {
    private static func request(_ id: UInt64, depth: Int = 0, window: UInt32 = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        CallWire.appendRequest(id: id, depth: depth, .init(window: window, method: 1), payload: [], to: &bytes)
        return bytes
    }

    /// An end that has had the hello of a peer, and has sent its own.
    private static func greeted(requests: Int = 8) throws -> TestState {
        var state = TestState.make(requests: requests)
        var hello: [UInt8] = []
        CallWire.appendHello(CallHello(requestLimit: .max), to: &hello)
        _ = try state.receive(hello)
        _ = state.takeOutput()
        return state
    }

    @Test func answersThatNobodyReadsCountAsOpen() throws {
        var state = try Self.greeted()
        let reply = [UInt8](repeating: 7, count: 100_000)
        for id in 1...8 as ClosedRange<UInt64> {
            _ = try state.receive(Self.request(id))
            _ = state.finish(id, with: .reply(reply))
        }
        let error = #expect(throws: IPCError.self) { try state.receive(Self.request(9)) }
        #expect(error?.code == .protocolViolation)
        // A peer that reads may go on for ever.
        var good = try Self.greeted()
        for id in 1...1000 as ClosedRange<UInt64> {
            _ = try good.receive(Self.request(id))
            _ = good.finish(id, with: .reply([1]))
            #expect(good.takeOutput().count == 1)
        }
    }

    @Test func declinedRequestsCountAsOpen() throws {
        var state = try Self.greeted()
        state.beginDraining()
        for id in 1...8 as ClosedRange<UInt64> { _ = try state.receive(Self.request(id)) }
        let error = #expect(throws: IPCError.self) { try state.receive(Self.request(9)) }
        #expect(error?.code == .protocolViolation)
    }

    @Test func itemsWaitForTheChannelNotOnlyForCredit() throws {
        var state = try Self.greeted()
        _ = try state.receive(Self.request(1, window: 1000))
        let item = [UInt8](repeating: 1, count: 50_000)
        var sent = 0
        while case .sent = state.offer(item, for: 1) { sent += 1 }
        #expect(sent > 1 && sent < 10)
        #expect(state.waitForCredit(for: 1, 1, "handler").isEmpty)
        _ = state.beginSending()
        var woken: [String] = []
        while true {
            let (packet, actions) = state.didSend()
            woken += actions.compactMap(\.text)
            if packet == nil { break }
        }
        #expect(woken == ["resume handler credit"])
    }

    @Test func requestsWaitForTheChannel() throws {
        var state = try Self.greeted()
        let payload = [UInt8](repeating: 1, count: 50_000)
        var last: UInt64 = 0
        for _ in 0..<1000 { last = try state.begin(method: 1, payload: payload, until: .never, window: 0).id }
        #expect(state.outbox.size < 400_000)
        // The last has not left, and its caller knows.
        _ = state.wait(for: last, "last")
        _ = state.abandon(last, IPCError.cancelled("test"), forgets: true)
        var size = 0
        for packet in state.takeOutput() { size += packet.count }
        #expect(size > 999 * 50_000 && size < 1000 * 50_000)
    }

    @Test func creditWaitsForTheChannelAndIsNotLost() throws {
        var pair = CallPair()
        let id = try pair.begin(window: 1)
        try pair.pump()
        _ = pair.callee.offer([1], for: id)
        try pair.pump()
        let large = [UInt8](repeating: 0, count: 300_000)
        _ = try pair.begin(2, large)
        #expect(pair.caller.next(id).event == .item([1]))
        #expect(pair.callee.waitForCredit(for: id, 1, "handler").isEmpty)
        try pair.pump()
        #expect(pair.calleeActions.contains("resume handler credit"))
    }

    @Test func callsThatCallBackHavePlacesOfTheirOwn() throws {
        var caller = try Self.greeted(requests: 1)
        for depth in 0...CallWire.maximumDepth {
            let actions = try caller.receive(Self.request(UInt64(depth + 1), depth: depth))
            #expect(actions.count == 1)
        }
        var full = caller
        let error = #expect(throws: IPCError.self) { try full.receive(Self.request(99, depth: 3)) }
        #expect(error?.code == .protocolViolation)
        let tooDeep = #expect(throws: IPCError.self) {
            try caller.begin(
                method: 1, payload: [], until: .never, window: 0, depth: CallWire.maximumDepth + 1)
        }
        #expect(tooDeep?.code == .busy)
    }

    @Test func requestThatCrossesTheGoodbyeWasNotStarted() throws {
        var pair = CallPair()
        let done = try pair.begin()
        try pair.pump()
        _ = pair.callee.finish(done, with: .reply([1]))
        try pair.pump()
        let crossing = try pair.begin()
        let request = try #require(pair.caller.takeOutput().first)
        _ = pair.callee.sayGoodbye()
        for packet in pair.callee.takeOutput() { _ = try pair.caller.receive(packet) }
        #expect(try pair.callee.receive(request).isEmpty)
        #expect(pair.callee.takeOutput().isEmpty)
        #expect(pair.caller.next(done).event == .reply([1]))
        guard case .failure(let failure)? = pair.caller.next(crossing).event else {
            Issue.record("no failure")
            return
        }
        #expect(failure.error.code == .closed && failure.reach == .notStarted)
        let late = #expect(throws: IPCError.self) { try pair.begin() }
        #expect(late?.code == .closed)
    }

    /// A deeper request overtakes one that waits for room: the goodbye says of each what became of it.
    @Test func requestThatADeeperOneOvertookWasNotStarted() throws {
        var pair = CallPair(callee: TestState.make(requests: 1))
        try pair.pump()
        let first = try pair.begin()
        let second = try pair.begin()
        let deeper = try pair.caller.begin(method: 1, payload: [], until: .never, window: 0, depth: 1).id
        try pair.pump()
        _ = pair.callee.finish(first, with: .reply([1]))
        // The first one's place is the second one's, which leaves and crosses the goodbye.
        for packet in pair.callee.takeOutput() { _ = try pair.caller.receive(packet) }
        #expect(pair.caller.takeOutput().count == 1)
        _ = pair.callee.finish(deeper, with: .reply([3]))
        _ = pair.callee.sayGoodbye()
        for packet in pair.callee.takeOutput() { _ = try pair.caller.receive(packet) }
        #expect(pair.caller.next(deeper).event == .reply([3]))
        guard second < deeper, case .failure(let failure)? = pair.caller.next(second).event else {
            Issue.record("no failure")
            return
        }
        #expect(failure.error.code == .closed && failure.reach == .notStarted)
    }

    @Test func failuresFitIntoSmallMessages() throws {
        var state = TestState.make(messageSize: 512)
        var hello: [UInt8] = []
        CallWire.appendHello(CallHello(requestLimit: 8), to: &hello)
        _ = try state.receive(hello)
        _ = state.takeOutput()
        _ = try state.receive(Self.request(1))
        let long = IPCError(.taskFailed, String(repeating: "ä", count: 5000))
        _ = state.finish(1, with: .failure(CallFailure(long, typeName: "T", payload: [1, 2, 3])))
        let packets = state.takeOutput()
        #expect(packets.count == 1 && packets[0].count <= 512 && packets[0].count > 400)
    }

    /// Each step of giving up must not look at all the others: the time limit of the suite would be over.
    @Test func manyCallsTimeOutTogether() throws {
        var state = TestState.make()
        for _ in 0..<60_000 {
            _ = try state.begin(method: 1, payload: [], until: .after(.seconds(50)), window: 0)
        }
        _ = state.expire(at: .max - 1)
        #expect(state.next(60_000).event != nil)
    }
}
