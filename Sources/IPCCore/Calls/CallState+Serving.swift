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
        guard call.credit > 0, !outbox.isFull else { return .mustWait }
        serving[id]!.credit -= 1
        outbox.append { CallWire.append(.item, id: id, body: item, to: &$0) }
        return .sent([.flush])
    }

    /// From now on no request is taken; callers learn that theirs was not started.
    package mutating func beginDraining() {
        isDraining = true
    }

    /// Says that no request after the last one that came is taken, once. Nothing is answered after it but what came before.
    package mutating func sayGoodbye() -> [Action] {
        guard ended == nil, !hasSaidGoodbye else { return [] }
        isDraining = true
        hasSaidGoodbye = true
        let last = lastServedIDs
        outbox.append { CallWire.appendGoodbye(last, to: &$0) }
        return [.flush]
    }

    /// The next message to send, as ``CallOutbox/beginSending()`` says.
    package mutating func beginSending() -> [UInt8]? {
        let packet = outbox.beginSending()
        release()
        return packet
    }

    /// The message after the one that was sent, as ``CallOutbox/didSend()`` says.
    package mutating func didSend() -> (packet: [UInt8]?, actions: [Action]) {
        var actions: [Action] = []
        if !outbox.isFull {
            actions = grantOwedCredit() + sendWhatFits()
            if !waits.isEmpty {
                for (id, call) in serving where call.credit > 0 && !call.creditTickets.isEmpty {
                    actions += wakeSenders(of: id, .credit)
                }
            }
        }
        let packet = outbox.didSend()
        release()
        return (packet, packet == nil ? actions + wakeIfIdle() : actions)
    }

    /// Gives the peer the places back whose answers are on their way. Not later: it may have read them, and ask again, before
    /// the sender is back.
    private mutating func release() {
        for depth in outbox.takeReleased() { open[depth] -= 1 }
    }

    /// The final answer to a request: `.reply`, `.end` or `.failure`.
    package mutating func finish(_ id: UInt64, with answer: CallEvent) -> [Action] {
        let woken = wakeSenders(of: id, .failure(CallFailure(IPCError.cancelled("send an item to the caller"))))
        guard let call = serving.removeValue(forKey: id), ended == nil else { return woken }
        switch answer {
        case .reply(let bytes) where !call.isStream:
            let size = CallWire.headerSize + bytes.count
            if size <= limits.messageSize {
                outbox.append(releasing: call.depth) { CallWire.append(.reply, id: id, body: bytes, to: &$0) }
            } else {
                sendFailure(
                    id,
                    CallFailure(
                        IPCError(
                            .messageTooLarge,
                            "the reply has \(size) bytes; the channel takes at most \(limits.messageSize)")),
                    depth: call.depth)
            }
        case .end where call.isStream:
            outbox.append(releasing: call.depth) { CallWire.append(.end, id: id, to: &$0) }
        case .failure(let failure):
            let isLate = call.isOverdue && failure.error.isCancellation
            sendFailure(id, isLate ? CallFailure(IPCError.timedOut("answer a call")) : failure, depth: call.depth)
        default:
            sendFailure(
                id,
                CallFailure(
                    IPCError(
                        .unsupported,
                        call.isStream
                            ? "a stream of replies was asked for; this method gives one reply"
                            : "one reply was asked for; this method gives a stream of replies")), depth: call.depth)
        }
        return woken + [.flush] + wakeIfIdle()
    }

    /// Stops a handler; its final answer is still sent if the connection lives.
    mutating func cancelServing(_ id: UInt64, _ reason: CallFailure) -> [Action] {
        guard var call = serving[id], !call.isCancelled else { return [] }
        var actions: [Action] = []
        call.isCancelled = true
        if let job = call.job { actions.append(.cancel(job)) }
        serving[id] = call
        return wakeSenders(of: id, .failure(reason)) + actions
    }

    mutating func sendFailure(_ id: UInt64, _ failure: CallFailure, depth: Int) {
        let fitting = CallWire.fitting(failure, within: limits.messageSize)
        outbox.append(releasing: depth) { CallWire.appendFailure(id: id, fitting, to: &$0) }
    }
}
