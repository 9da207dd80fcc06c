public import IPCCore
import IPCSystem

extension Mailbox {
    /// Sends the bytes as one message. What happens when there is no room, ``whenFull`` says.
    ///
    /// - Throws: `.timedOut` or `.cancelled` when nothing was sent; `.resourceExhausted` when it is full and
    ///   ``MailboxOverflow/fail`` was chosen, or when it may grow and the file system is full; `.invalidArgument` for a type
    ///   below 1, and a priority above 63 or, in a broadcast, above 0; `.messageTooLarge`, `.finished`, `.closed`;
    ///   `.participantLost` in the child of a fork.
    public func send(_ bytes: RawSpan, labeled label: QueueLabel, until deadline: Deadline) async throws(IPCError) {
        var label = label
        // Of a message that is sent on.
        label.returnAddress = .none
        try await deliver(bytes, label, until: deadline)
    }

    /// Sends the bytes as one message if there is room now; false when there is none, which is not counted as dropped. Where
    /// the oldest messages go (``MailboxOverflow/dropOldest``) it makes room.
    public func trySend(_ bytes: RawSpan, labeled label: QueueLabel) throws(IPCError) -> Bool {
        var label = label
        label.returnAddress = .none
        try check(bytes.byteCount, label)
        switch kind {
        case .work(let queue):
            let framed = Self.frame(bytes, label)
            return try queue.trySend(
                framed.bytes, label, whenFull == .dropOldest ? .dropsOldest(words.dropped) : .plain)
        case .broadcast(let core):
            try core.checkSending()
            guard let turn = try core.tryAcquire("send"),
                case .sent(let evicted) = core.offer(
                    bytes, label, evicts: whenFull == .dropOldest, counts: false, turn)
            else { return false }
            count(evicted)
            return true
        }
    }

    /// ``send(_:labeled:until:)`` on the calling thread, which it blocks. Never call it in a task.
    public func sendBlocking(_ bytes: RawSpan, labeled label: QueueLabel, until deadline: Deadline) throws(IPCError) {
        var label = label
        label.returnAddress = .none
        try deliverBlocking(bytes, label, until: deadline)
    }

    /// Sends, with the return address that the label has.
    func deliver(_ bytes: RawSpan, _ label: QueueLabel, until deadline: Deadline) async throws(IPCError) {
        try check(bytes.byteCount, label)
        switch kind {
        case .work(let queue):
            let framed = Self.frame(bytes, label)
            if whenFull == .suspend { return try await queue.send(framed.bytes, labeled: label, until: deadline) }
            // What somebody has under a lease is not dropped: its room is waited for.
            if whenFull == .dropOldest {
                let blocks = try queue.check(framed.bytes.byteCount, label)
                return try await queue.sendWaiting(framed.bytes, label, blocks, deadline, .dropsOldest(words.dropped))
            }
            if try !(await queue.attempt(framed.bytes, label, until: deadline)) { try refuse() }
        case .broadcast(let core):
            var ticket: MailLogCore.Ticket?
            var isOver = false
            while !isOver {
                try core.checkSending()
                let turn = try await core.acquire(after: ticket, until: deadline, "send")
                (isOver, ticket) = try settle(
                    core.offer(bytes, label, evicts: whenFull == .dropOldest, counts: whenFull == .suspend, turn))
            }
        }
    }

    /// The same on a thread that may block.
    func deliverBlocking(_ bytes: RawSpan, _ label: QueueLabel, until deadline: Deadline) throws(IPCError) {
        try check(bytes.byteCount, label)
        switch kind {
        case .work(let queue):
            let framed = Self.frame(bytes, label)
            if whenFull == .suspend { return try queue.sendBlocking(framed.bytes, labeled: label, until: deadline) }
            if whenFull == .dropOldest {
                return try queue.sendBlocking(framed.bytes, label, deadline, .dropsOldest(words.dropped))
            }
            if try !queue.attemptBlocking(framed.bytes, label, until: deadline) { try refuse() }
        case .broadcast(let core):
            var ticket: MailLogCore.Ticket?
            var isOver = false
            while !isOver {
                try core.checkSending()
                let turn = try core.acquireBlocking(after: ticket, until: deadline, "send")
                (isOver, ticket) = try settle(
                    core.offer(bytes, label, evicts: whenFull == .dropOldest, counts: whenFull == .suspend, turn))
            }
        }
    }

    // MARK: When it is full

    /// What a try to send to all came to: whether it is over, and else what to wait for.
    private func settle(
        _ offer: MailLogCore.Offer
    ) throws(IPCError) -> (isOver: Bool, ticket: MailLogCore.Ticket?) {
        switch offer {
        case .sent(let evicted):
            count(evicted)
            return (true, nil)
        case .full(let ticket?): return (false, ticket)
        case .full(nil):
            try refuse()
            return (true, nil)
        }
    }

    private func refuse() throws(IPCError) {
        guard whenFull == .fail else { return count(1) }
        throw IPCError(
            .resourceExhausted,
            "send: the mailbox is full; let somebody receive, or make it anew with more capacity or another overflow",
            object: name)
    }

    private func count(_ dropped: UInt64) {
        if dropped > 0 { words.dropped.add(dropped) }
    }

    // MARK: Messages

    /// The message as it lies in the queue.
    private static func frame(_ bytes: RawSpan, _ label: QueueLabel) -> MessageBuffer {
        var framed = MessageBuffer(capacity: ReturnAddress.byteCount + bytes.byteCount)
        framed.append(littleEndian: label.returnAddress.place)
        framed.append(littleEndian: label.returnAddress.owner)
        framed.append(littleEndian: label.returnAddress.number)
        framed.append(bytes)
        return framed
    }

    private func check(_ byteCount: Int, _ label: QueueLabel) throws(IPCError) {
        let highest = delivery == .broadcast ? 0 : SharedQueue.maximumPriority
        guard byteCount <= maximumMessageSize else {
            throw IPCError(
                .messageTooLarge,
                "send: \(byteCount) bytes, and the mailbox was made for messages of \(maximumMessageSize); send less, or "
                    + "make it anew with a larger maximumMessageSize", object: name)
        }
        guard (0...highest).contains(label.priority), label.type > 0 else {
            throw IPCError(
                .invalidArgument,
                "send: priority \(label.priority) and type \(label.type), and this mailbox has priorities 0 to "
                    + "\(highest) and types from 1 on", object: name)
        }
    }
}
