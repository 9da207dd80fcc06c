// What the peer sends. Everything in it is checked; what a correct peer cannot send ends the connection.
extension CallState {
    /// Takes in one message of the channel.
    ///
    /// - Throws: `.protocolViolation`, `.wrongMagic` or `.wrongVersion`; the owner then ends the connection. The actions
    ///   that were due before the offending frame have been appended to `actions`.
    package mutating func receive(_ message: RawSpan, into actions: inout [Action]) throws(IPCError) {
        var collected: [Action] = []
        defer { actions += collected }
        try CallWire.forEachFrame(of: message) { (header, body) throws(IPCError) in
            try self.receive(header, body, &collected)
        }
    }

    private mutating func receive(
        _ header: CallHeader, _ body: RawSpan, _ actions: inout [Action]
    ) throws(IPCError) {
        let id = header.id
        guard header.kind == .hello || peerLimit != nil else { throw CallWire.violation("no hello at the start") }
        switch header.kind {
        case .hello:
            guard peerLimit == nil else { throw CallWire.violation("a second hello") }
            let hello = try CallWire.readHello(body)
            // Whoever is told later that the hello was wrong knows what it said.
            peerGreeting = hello.payload
            guard hello.version == CallWire.version else {
                throw IPCError(
                    .wrongVersion,
                    "the peer speaks version \(hello.version) of the call protocol, this one \(CallWire.version)")
            }
            if let refusal = limits.judgeGreeting?(hello.payload) { throw refusal }
            peerLimit = min(Int(hello.requestLimit), CallWire.maximumRequests)
            actions += wake { $0 == .greeting }
            actions += peerLimit == 0 ? refuseWaitingCalls() : sendWhatFits()
        case .request:
            try receiveRequest(header, body, &actions)
        case .reply:
            try receiveFinal(id, .reply([UInt8](body)), &actions)
        case .end:
            try receiveFinal(id, .end, &actions)
        case .failure:
            try receiveFinal(id, .failure(try CallWire.readFailure(body)), &actions)
        case .item:
            try receiveItem(id, body, &actions)
        case .cancel:
            guard id <= lastServedID else { throw CallWire.violation("the end of a call that was not made") }
            actions += cancelServing(id, CallFailure(IPCError.cancelled("call")))
        case .credit:
            let count = try CallWire.readCredit(body)
            guard id <= lastServedID else { throw CallWire.violation("credit for a call that was not made") }
            try receiveCredit(id, Int(count), &actions)
        case .declined:
            var failure = try CallWire.readFailure(body)
            failure.reach = .notStarted
            // It serves no more, whatever is asked.
            if failure.error.code == .closed { peerDeclines = true }
            try receiveFinal(id, .failure(failure), &actions)
        case .progress, .replyWithParcel:
            throw CallWire.violation("a kind of frame that has no place here (\(header.kind))")
        case .goodbye:
            guard id == 0 else { throw CallWire.violation("a goodbye with a number") }
            try receiveGoodbye(try CallWire.readGoodbye(body), &actions)
        }
    }

    private mutating func receiveRequest(
        _ header: CallHeader, _ body: RawSpan, _ actions: inout [Action]
    ) throws(IPCError) {
        let id = header.id
        let depth = header.depth
        let fields = try CallWire.readRequest(body)
        guard depth <= CallWire.maximumDepth else { throw CallWire.violation("a request \(depth) calls deep") }
        // Of one depth: a deeper one overtakes those that wait for room.
        guard id > lastServedIDs[depth], serving[id] == nil else {
            throw CallWire.violation("the number of a request goes back to \(id)")
        }
        // An answer that waits for the channel counts: who does not read gets no further answers.
        guard open[depth] < limits.requests else {
            throw CallWire.violation("more than \(limits.requests) requests at once")
        }
        guard fields.window <= UInt32(clamping: limits.window) else {
            throw CallWire.violation("a window of \(fields.window) items")
        }
        lastServedIDs[depth] = id
        lastServedID = max(lastServedID, id)
        // It crossed with our goodbye, by which its caller knows that it was not started.
        guard !hasSaidGoodbye else { return }
        open[depth] += 1
        if isDraining {
            sendFailure(id, CallFailure(Self.peerServesNoMore, reach: .notStarted), depth: depth)
            actions.append(.flush)
            return
        }
        let window = Int(fields.window)
        let deadline = Deadline.after(nanoseconds: fields.remaining)
        serving[id] = Serving(credit: window, isStream: window > 0, deadline: deadline, depth: depth)
        actions += watch(deadline)
        actions.append(
            .start(
                IncomingRequest(
                    id: id, method: fields.method,
                    payload: [UInt8](body.extracting(CallWire.requestFieldsSize..<body.byteCount)),
                    deadline: deadline, window: window, depth: depth)))
    }

    private mutating func receiveFinal(
        _ id: UInt64, _ answer: CallEvent, _ actions: inout [Action]
    ) throws(IPCError) {
        guard var call = calls[id], call.unsent == nil, call.final == nil else {
            throw CallWire.violation("an answer to a call that is not open (\(id))")
        }
        switch (answer, call.window) {
        case (.reply, 1...), (.end, 0): throw CallWire.violation("an answer of the wrong kind to call \(id)")
        default: break
        }
        unanswered[call.depth] -= 1
        if let abandoned = call.abandoned {
            call.final = .failure(abandoned)
            calls[id] = call.isTold ? nil : call
        } else if let waiter = call.waiter.take() {
            calls[id] = nil
            actions.append(.resume(waiter, answer))
        } else {
            call.final = answer
            calls[id] = call
        }
        actions += sendWhatFits()
    }

    private mutating func receiveItem(_ id: UInt64, _ body: RawSpan, _ actions: inout [Action]) throws(IPCError) {
        guard var call = calls[id], call.unsent == nil, call.final == nil else {
            throw CallWire.violation("an item of a call that is not open (\(id))")
        }
        guard call.credit > 0 else { throw CallWire.violation("more items than there was credit for") }
        call.credit -= 1
        defer { calls[id] = call }
        guard call.abandoned == nil else { return }
        call.items.append([UInt8](body))
        guard let waiter = call.waiter.take() else { return }
        // The one who waits takes it as `next` would have.
        calls[id] = call
        let (event, further) = next(id)
        call = calls[id]!
        actions.append(.resume(waiter, event!))
        actions += further
    }

    private mutating func receiveCredit(_ id: UInt64, _ count: Int, _ actions: inout [Action]) throws(IPCError) {
        guard var call = serving[id] else { return }  // It crossed with the final answer.
        guard call.isStream, count > 0, call.credit + count <= limits.window else {
            throw CallWire.violation("credit of \(count) items for call \(id)")
        }
        call.credit += count
        serving[id] = call
        if !outbox.isFull { actions += wakeSenders(of: id, .credit) }
    }

    /// The peer takes no requests of any depth after the last one there: those that were sent later were not started. Deeper
    /// ones overtake those that wait for room, so one number would not tell.
    private mutating func receiveGoodbye(_ last: [UInt64], _ actions: inout [Action]) throws(IPCError) {
        guard !peerHasLeft else { throw CallWire.violation("a second goodbye") }
        peerHasLeft = true
        for id in calls.keys where calls[id]!.unsent != nil || id > last[calls[id]!.depth] {
            guard calls[id]!.final == nil else { continue }
            if calls[id]!.unsent == nil { unanswered[calls[id]!.depth] -= 1 }
            actions += refuse(id, Self.peerServesNoMore)
        }
        for depth in unsent.indices { _ = unsent[depth].removeAll() }
        staleUnsent = 0
    }

    /// The peer has said that it serves nothing.
    private mutating func refuseWaitingCalls() -> [Action] {
        var actions: [Action] = []
        for depth in unsent.indices {
            for id in unsent[depth].removeAll() where calls[id]?.unsent != nil {
                actions += refuse(id, IPCError(.unsupported, "the peer serves no calls"))
            }
        }
        staleUnsent = 0
        return actions
    }

    /// Ends a call that was not started.
    private mutating func refuse(_ id: UInt64, _ error: IPCError) -> [Action] {
        guard var call = calls[id] else { return [] }
        call.unsent = nil
        let failure = CallEvent.failure(call.abandoned ?? CallFailure(error, reach: .notStarted))
        if let waiter = call.waiter.take() {
            calls[id] = nil
            return [.resume(waiter, failure)]
        }
        call.final = failure
        calls[id] = call.isTold ? nil : call
        return []
    }
}
