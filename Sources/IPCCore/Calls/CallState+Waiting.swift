// Tasks that wait for the connection itself. Each has a ticket, by which its own cancellation finds it.
extension CallState {
    /// A ticket for a task that is about to wait.
    package mutating func newTicket() -> UInt64 {
        lastTicket += 1
        return lastTicket
    }

    /// Has `waiter` resumed when the peer's hello is here, or the connection is over. A hello that has come is told of even
    /// if the connection has ended since.
    package mutating func waitForGreeting(_ ticket: UInt64, _ waiter: Waiter) -> [Action] {
        wait(for: .greeting, ticket, waiter)
    }

    /// Has `waiter` resumed when no handler runs and everything has been sent, or the connection is over.
    ///
    /// - Parameter own: the request that the waiting task itself serves, which is not waited for.
    package mutating func waitUntilIdle(besides own: UInt64? = nil, _ ticket: UInt64, _ waiter: Waiter) -> [Action] {
        wait(for: .idle(besides: own), ticket, waiter)
    }

    /// Has `waiter` resumed when the connection is over. Handlers may still run then.
    package mutating func waitUntilEnd(_ ticket: UInt64, _ waiter: Waiter) -> [Action] {
        wait(for: .end, ticket, waiter)
    }

    /// Has a handler's task resumed when it may offer another item, or need not any more.
    package mutating func waitForCredit(for id: UInt64, _ ticket: UInt64, _ waiter: Waiter) -> [Action] {
        guard ended == nil, let call = serving[id], !call.isCancelled else {
            return [.resume(waiter, .failure(CallFailure(ended ?? IPCError.cancelled("send an item to the caller"))))]
        }
        guard call.credit == 0 || outbox.isFull else { return [.resume(waiter, .credit)] }
        serving[id]!.creditTickets.append(ticket)
        waits[ticket] = Wait(subject: .credit(id), waiter: waiter)
        return []
    }

    /// Resumes a task that was cancelled, if it still waits.
    package mutating func cancelWait(_ ticket: UInt64) -> [Action] {
        guard let wait = waits.removeValue(forKey: ticket) else { return [] }
        if case .credit(let id) = wait.subject { serving[id]?.creditTickets.removeAll { $0 == ticket } }
        return [.resume(wait.waiter, .failure(CallFailure(IPCError.cancelled("wait for a peer"), reach: .notStarted)))]
    }

    private mutating func wait(for subject: Wait.Subject, _ ticket: UInt64, _ waiter: Waiter) -> [Action] {
        waits[ticket] = Wait(subject: subject, waiter: waiter)
        return wake { $0 == subject }
    }

    mutating func wakeIfIdle() -> [Action] {
        guard !waits.isEmpty else { return [] }
        return wake { if case .idle = $0 { true } else { false } }
    }

    /// Resumes those who wait for one of these things, as far as it has happened.
    mutating func wake(_ isMeant: (Wait.Subject) -> Bool) -> [Action] {
        var actions: [Action] = []
        for (ticket, wait) in waits where isMeant(wait.subject) {
            guard let event = event(wait.subject) else { continue }
            waits[ticket] = nil
            actions.append(.resume(wait.waiter, event))
        }
        return actions
    }

    private func event(_ subject: Wait.Subject) -> CallEvent? {
        switch subject {
        case .greeting:
            if peerLimit != nil { return .greeted }
            return ended.map { .failure(CallFailure($0, reach: .notStarted)) }
        case .idle(let own):
            let others = serving.count - (own.map { serving[$0] == nil ? 0 : 1 } ?? 0)
            return ended != nil || (others == 0 && outbox.isIdle) ? .idle : nil
        case .end: return ended == nil ? nil : .idle
        case .credit: return nil
        }
    }

    /// Resumes those who wait to send an item of this request.
    mutating func wakeSenders(of id: UInt64, _ event: CallEvent) -> [Action] {
        guard let tickets = serving[id]?.creditTickets, !tickets.isEmpty else { return [] }
        serving[id]!.creditTickets = []
        return tickets.compactMap { waits.removeValue(forKey: $0) }.map { .resume($0.waiter, event) }
    }
}
