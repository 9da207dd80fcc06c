// The serving side: what handlers do.
extension CallState {
    /// What became of an item that a handler wants to send.
    package enum Offer: Sendable {
        /// It is on its way.
        case sent([Action])
        /// The caller has not taken enough of the earlier ones: wait, then offer it again.
        case mustWait
        /// Nobody wants it any more.
        case refused(CallFailure)
    }

    /// Notes the handle of the handler that was started for a request.
    package mutating func register(_ job: Job, for id: UInt64) -> [Action] {
        guard let call = serving[id] else { return [] }  // It was done before its handle was here.
        serving[id]!.job = job
        return call.isCancelled ? [.cancel(job)] : []
    }

    /// Sends one item of a stream of replies if the caller has room for it.
    package mutating func offer(_ item: [UInt8], for id: UInt64) -> Offer {
        if let ended { return .refused(CallFailure(ended)) }
        guard let call = serving[id], !call.isCancelled else {
            return .refused(CallFailure(IPCError.cancelled("send an item to the caller")))
        }
        guard call.isStream else {
            return .refused(
                CallFailure(IPCError(.unsupported, "the caller asked for one reply, not for a stream of them")))
        }
        let size = CallWire.headerSize + item.count
        guard size <= limits.messageSize else {
            return .refused(
                CallFailure(
                    IPCError(
                        .messageTooLarge, "an item of \(size) bytes; the channel takes at most \(limits.messageSize)")))
        }
        guard call.credit > 0 else { return .mustWait }
        serving[id]!.credit -= 1
        outbox.append { CallWire.append(.item, id: id, body: item, to: &$0) }
        return .sent([.flush])
    }

    /// Has a handler's task resumed when it may offer another item, or need not any more.
    package mutating func waitForCredit(for id: UInt64, _ waiter: Waiter) -> [Action] {
        guard ended == nil, let call = serving[id], !call.isCancelled else {
            return [.resume(waiter, .failure(CallFailure(ended ?? IPCError.cancelled("send an item to the caller"))))]
        }
        guard call.credit == 0 else { return [.resume(waiter, .credit)] }
        precondition(call.creditWaiter == nil, "a handler sends its items one after another")
        serving[id]!.creditWaiter = waiter
        return []
    }

    /// From now on no request is taken; callers learn that theirs was not started.
    package mutating func beginDraining() {
        isDraining = true
    }

    /// Has `waiter` resumed when no handler runs and everything has been sent.
    package mutating func waitUntilIdle(_ waiter: Waiter) -> [Action] {
        idleWaiters.append(waiter)
        return wakeIfIdle()
    }

    /// The message after the one that was sent, as ``CallOutbox/didSend()`` says.
    package mutating func didSend() -> (packet: [UInt8]?, actions: [Action]) {
        let packet = outbox.didSend()
        return (packet, packet == nil ? wakeIfIdle() : [])
    }

    mutating func wakeIfIdle() -> [Action] {
        guard !idleWaiters.isEmpty, ended != nil || (serving.isEmpty && outbox.isIdle) else { return [] }
        return idleWaiters.removeAll().map { .resume($0, .idle) }
    }

    /// The final answer to a request: `.reply`, `.end` or `.failure`.
    package mutating func finish(_ id: UInt64, with answer: CallEvent) -> [Action] {
        guard let call = serving.removeValue(forKey: id), ended == nil else { return [] }
        switch answer {
        case .reply(let bytes) where !call.isStream:
            let size = CallWire.headerSize + bytes.count
            if size <= limits.messageSize {
                outbox.append { CallWire.append(.reply, id: id, body: bytes, to: &$0) }
            } else {
                sendFailure(
                    id,
                    CallFailure(
                        IPCError(
                            .messageTooLarge,
                            "the reply has \(size) bytes; the channel takes at most \(limits.messageSize)")))
            }
        case .end where call.isStream:
            outbox.append { CallWire.append(.end, id: id, to: &$0) }
        case .failure(let failure):
            let isLate = call.isOverdue && failure.error.isCancellation
            sendFailure(id, isLate ? CallFailure(IPCError.timedOut("answer a call")) : failure)
        default:
            sendFailure(
                id,
                CallFailure(
                    IPCError(
                        .unsupported,
                        call.isStream
                            ? "a stream of replies was asked for; this method gives one reply"
                            : "one reply was asked for; this method gives a stream of replies")))
        }
        return [.flush] + wakeIfIdle()
    }

    /// Stops a handler; its final answer is still sent if the connection lives.
    mutating func cancelServing(_ id: UInt64, _ reason: CallFailure) -> [Action] {
        guard var call = serving[id], !call.isCancelled else { return [] }
        var actions: [Action] = []
        call.isCancelled = true
        if let waiter = call.creditWaiter.take() { actions.append(.resume(waiter, .failure(reason))) }
        if let job = call.job { actions.append(.cancel(job)) }
        serving[id] = call
        return actions
    }

    mutating func sendFailure(_ id: UInt64, _ failure: CallFailure) {
        var failure = failure
        let fixed = CallWire.headerSize + CallWire.failureFieldsSize + 2 * CallWire.maximumTextSize + 64
        // An error that is too large for the channel arrives without its own bytes, with its description.
        if fixed + failure.payload.count > limits.messageSize {
            failure = CallFailure(failure.error, reach: failure.reach)
        }
        outbox.append { CallWire.appendFailure(id: id, failure, to: &$0) }
    }
}
