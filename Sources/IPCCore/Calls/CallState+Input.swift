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
            peerLimit = Int(hello.requestLimit)
            actions += greetingWaiters.removeAll().map { .resume($0, .greeted) }
            actions += peerLimit == 0 ? refuseWaitingCalls() : sendWhatFits()
        case .request:
            try receiveRequest(id, body, &actions)
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
            try receiveFinal(id, .failure(failure), &actions)
        case .progress, .replyWithParcel:
            throw CallWire.violation("a kind of frame that has no place here (\(header.kind))")
        }
    }

    private mutating func receiveRequest(
        _ id: UInt64, _ body: RawSpan, _ actions: inout [Action]
    ) throws(IPCError) {
        let fields = try CallWire.readRequest(body)
        guard id > lastServedID else { throw CallWire.violation("the number of a request goes back to \(id)") }
        guard serving.count < limits.requests else {
            throw CallWire.violation("more than \(limits.requests) requests at once")
        }
        guard fields.window <= UInt32(clamping: limits.window) else {
            throw CallWire.violation("a window of \(fields.window) items")
        }
        lastServedID = id
        if isDraining {
            sendFailure(id, CallFailure(IPCError(.closed, "the peer serves no more calls"), reach: .notStarted))
            actions.append(.flush)
            return
        }
        let window = Int(fields.window)
        let deadline = Deadline.after(nanoseconds: fields.remaining)
        serving[id] = Serving(credit: window, isStream: window > 0, deadline: deadline)
        actions += watch(deadline)
        actions.append(
            .start(
                IncomingRequest(
                    id: id, method: fields.method,
                    payload: [UInt8](body.extracting(CallWire.requestFieldsSize..<body.byteCount)),
                    deadline: deadline, window: window)))
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
        unanswered -= 1
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
        if let waiter = call.creditWaiter.take() { actions.append(.resume(waiter, .credit)) }
        serving[id] = call
    }

    /// The peer has said that it serves nothing.
    private mutating func refuseWaitingCalls() -> [Action] {
        var actions: [Action] = []
        for id in unsent.removeAll() {
            guard var call = calls[id] else { continue }
            let failure = CallEvent.failure(
                CallFailure(IPCError(.unsupported, "the peer serves no calls"), reach: .notStarted))
            call.unsent = nil
            if let waiter = call.waiter.take() {
                calls[id] = nil
                actions.append(.resume(waiter, failure))
            } else {
                call.final = failure
                calls[id] = call
            }
        }
        return actions
    }
}
