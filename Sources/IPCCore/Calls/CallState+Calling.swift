import IPCSystem

// The calling side: requests out, answers in.
extension CallState {
    /// Starts a call. Its answers are taken by ``next(_:)`` or waited for by ``wait(for:_:)``.
    ///
    /// - Parameters:
    ///   - window: 0 for one reply, else how many items of the stream may be on their way.
    ///   - depth: 0, or one more than the depth of the peer's request for whose handler it is made.
    package mutating func begin(
        method: UInt32, payload: [UInt8], until deadline: Deadline, window: Int, depth: Int = 0
    ) throws(IPCError) -> (id: UInt64, actions: [Action]) {
        if let ended { throw ended }
        guard !peerHasLeft else { throw Self.peerServesNoMore }
        guard depth <= CallWire.maximumDepth else {
            throw IPCError(
                .busy, "calls that call back over one connection are more than \(CallWire.maximumDepth) deep")
        }
        guard peerLimit != 0 else { throw IPCError(.unsupported, "the peer serves no calls") }
        let size = CallWire.headerSize + CallWire.requestFieldsSize + payload.count
        guard size <= limits.messageSize else {
            throw IPCError(
                .messageTooLarge, "a request of \(size) bytes; the channel takes at most \(limits.messageSize)")
        }
        guard window >= 0, window <= limits.window else {
            throw IPCError(.invalidArgument, "a window of \(window) items; 0 to \(limits.window) are possible")
        }
        lastID += 1
        let id = lastID
        calls[id] = Call(deadline: deadline, window: window, unsent: (method, payload), credit: window, depth: depth)
        unsent[depth].append(id)
        return (id, sendWhatFits() + watch(deadline))
    }

    /// Has ``expire(at:)`` called in time for a deadline.
    mutating func watch(_ deadline: Deadline) -> [Action] {
        guard deadline < armed else { return [] }
        armed = deadline
        return [.arm(deadline)]
    }

    /// What has come for a call, without waiting; nil when nothing has. A final event ends the call.
    package mutating func next(_ id: UInt64) -> (event: CallEvent?, actions: [Action]) {
        guard var call = calls.removeValue(forKey: id) else {
            // Given up, and answered by the peer since.
            return (.failure(CallFailure(ended ?? IPCError.cancelled("call"), reach: .unknown)), [])
        }
        if let item = call.items.popFirst() {
            call.consumed += 1
            let actions = grantCredit(&call, id)
            calls[id] = call
            return (.item(item), actions)
        }
        if let final = call.final { return (final, []) }
        // Its entry stays until the peer has answered.
        if call.abandoned != nil { call.isTold = true }
        calls[id] = call
        return (call.abandoned.map { .failure($0) }, [])
    }

    /// Has `waiter` resumed with the next event, at once if it is there. One task waits for a call at a time.
    package mutating func wait(for id: UInt64, _ waiter: Waiter) -> [Action] {
        let (event, actions) = next(id)
        if let event { return actions + [.resume(waiter, event)] }
        precondition(calls[id]?.waiter == nil, "two tasks wait for one call")
        calls[id]?.waiter = waiter
        return actions
    }

    /// Gives a call up: it ends with `error` here, and the peer is told to stop.
    ///
    /// - Parameter forgets: nobody will ask for the call's answer any more.
    package mutating func abandon(_ id: UInt64, _ error: IPCError, forgets: Bool = false) -> [Action] {
        guard var call = calls[id] else { return [] }
        var actions: [Action] = []
        if forgets { call.isTold = true }
        if call.final == nil, call.abandoned == nil {
            let failure = CallFailure(error, reach: call.unsent == nil ? .unknown : .notStarted)
            if let waiter = call.waiter.take() {
                call.isTold = true
                actions.append(.resume(waiter, .failure(failure)))
            }
            if call.unsent.take() != nil {
                // The peer never heard of it.
                call.final = .failure(failure)
                noteStale()
            } else {
                call.abandoned = failure
                outbox.append { CallWire.append(.cancel, id: id, to: &$0) }
                actions.append(.flush)
            }
            _ = call.items.removeAll()
        }
        calls[id] = call.isTold && call.final != nil ? nil : call
        return actions
    }

    /// Gives up the calls whose deadline is over, the peer's among them, and says when to look again.
    package mutating func expire(at now: UInt64) -> [Action] {
        var actions: [Action] = []
        var earliest = Deadline.never
        for (id, call) in serving where !call.isCancelled {
            if call.deadline.nanoseconds <= now {
                serving[id]!.isOverdue = true
                actions += cancelServing(id, CallFailure(IPCError.timedOut("answer a call")))
            } else {
                earliest = min(earliest, call.deadline)
            }
        }
        for (id, call) in calls where call.abandoned == nil && call.final == nil {
            if call.deadline.nanoseconds <= now {
                actions += abandon(id, IPCError.timedOut("call"))
            } else {
                earliest = min(earliest, call.deadline)
            }
        }
        armed = earliest
        if earliest != .never { actions.append(.arm(earliest)) }
        return actions
    }

    /// Notes that one of the calls in ``unsent`` was given up. Its number stays there until half of the numbers are such:
    /// to take each out at once would cost the length of the queue each time.
    private mutating func noteStale() {
        staleUnsent += 1
        guard staleUnsent >= 64, staleUnsent * 2 >= unsent.reduce(0, { $0 + $1.count }) else { return }
        for depth in unsent.indices { unsent[depth].removeAll { calls[$0]?.unsent == nil } }
        staleUnsent = 0
    }

    /// Sends waiting requests as far as the peer has room, and the channel takes them.
    mutating func sendWhatFits() -> [Action] {
        guard let peerLimit, ended == nil, !peerHasLeft else { return [] }
        var sent = false
        for depth in unsent.indices {
            while unanswered[depth] < peerLimit, !outbox.isFull, let id = unsent[depth].popFirst() {
                guard let request = calls[id]?.unsent else {
                    staleUnsent = max(0, staleUnsent - 1)
                    continue
                }
                let remaining = calls[id]!.deadline.nanosecondsRemaining
                calls[id]!.unsent = nil
                let fields = CallRequestFields(
                    remaining: remaining, window: UInt32(calls[id]!.window), method: request.method)
                outbox.append {
                    CallWire.appendRequest(id: id, depth: depth, fields, payload: request.payload, to: &$0)
                }
                unanswered[depth] += 1
                sent = true
            }
        }
        return sent ? [.flush] : []
    }

    static var peerServesNoMore: IPCError { IPCError(.closed, "the peer serves no more calls") }

    /// Gives the credit that was held back while the outbox was full.
    mutating func grantOwedCredit() -> [Action] {
        guard !owedCredit.isEmpty, !outbox.isFull else { return [] }
        var actions: [Action] = []
        for id in owedCredit {
            guard var call = calls[id] else { continue }
            actions += grantCredit(&call, id)
            calls[id] = call
        }
        if !outbox.isFull { owedCredit = [] }
        return actions
    }

    /// Tells the peer that it may send as many more items as were taken, when half of the window is used.
    private mutating func grantCredit(_ call: inout Call, _ id: UInt64) -> [Action] {
        guard ended == nil, call.final == nil, call.consumed > 0, call.consumed * 2 >= call.window else { return [] }
        guard !outbox.isFull else {
            owedCredit.insert(id)
            return []
        }
        let count = call.consumed
        call.consumed = 0
        call.credit += count
        outbox.append { CallWire.appendCredit(id: id, UInt32(count), to: &$0) }
        return [.flush]
    }
}

extension Deadline {
    /// Nanoseconds from now, 0 when it is over, `.max` for never: what travels in place of the instant.
    package var nanosecondsRemaining: UInt64 {
        guard self != .never else { return .max }
        let now = MonotonicClock.nanoseconds
        return nanoseconds <= now ? 0 : nanoseconds - now
    }

    /// The deadline that so many nanoseconds from now make; `.max` and what the clock cannot count are never.
    package static func after(nanoseconds: UInt64) -> Deadline {
        let (sum, overflow) = MonotonicClock.nanoseconds.addingReportingOverflow(nanoseconds)
        return overflow || nanoseconds == .max ? .never : Deadline(nanoseconds: sum)
    }
}
