public import IPCCore
import IPCSystem
import Synchronization

extension Mailbox {
    /// Waits for a message that `selection` matches and lets `body` read it. It is received even when `body` throws.
    ///
    /// In a broadcast this object joins here if it has not (``join(from:until:)``), and messages that do not match are
    /// passed over.
    ///
    /// - Throws: ``ChannelBodyError/channel(_:)`` with `.timedOut` or `.cancelled` when nothing was taken; `.invalidArgument`
    ///   for a type below 1; `.unsupported` for ``QueueSelection/lowest(upTo:)`` in a broadcast; `.resourceExhausted` when it
    ///   has to join and all seats are taken; `.closed`; `.participantLost` in the child of a fork; or
    ///   ``ChannelBodyError/body(_:)``.
    public func receive<Result, Failure: Error>(
        _ selection: QueueSelection, until deadline: Deadline,
        _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result {
        switch kind {
        case .work(let queue):
            return try await queue.receive(selection, until: deadline) {
                (bytes: RawSpan, label: QueueLabel) throws(Failure) -> Result in
                try Self.open(bytes, label, body)
            }
        case .broadcast(let core):
            let message: (contents: [UInt8], label: QueueLabel)
            do throws(IPCError) {
                message = try await next(selection, until: deadline, core)
            } catch {
                throw .channel(error)
            }
            return try Self.read(message.contents, message.label, body)
        }
    }

    private func next(
        _ selection: QueueSelection, until deadline: Deadline, _ core: MailLogCore
    ) async throws(IPCError) -> ([UInt8], QueueLabel) {
        try check(selection)
        var isFirst = true
        var ticket: MailLogCore.Ticket?
        while true {
            let turn = try await core.acquire(after: ticket, until: deadline, "receive")
            switch try core.take(selection, counts: !isFirst, turn) {
            case .message(let contents, let label): return (contents, label)
            case .empty(let next):
                // At first a few microseconds of looking, then a sleep.
                if isFirst {
                    let seen = core.log.head
                    _ = core.spins.spin(.shared) { core.log.head != seen }
                }
                isFirst = false
                ticket = next
            }
        }
    }

    /// Lets `body` read a message that `selection` matches if one is there; nil when `receive` would wait.
    public func tryReceive<Result, Failure: Error>(
        _ selection: QueueSelection, _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result? {
        switch kind {
        case .work(let queue):
            return try queue.tryReceive(selection) {
                (bytes: RawSpan, label: QueueLabel) throws(Failure) -> Result in
                try Self.open(bytes, label, body)
            }
        case .broadcast(let core):
            let take: MailLogCore.Take
            do throws(IPCError) {
                try check(selection)
                guard let turn = try core.tryAcquire("receive") else { return nil }
                take = try core.take(selection, counts: false, turn)
            } catch {
                throw .channel(error)
            }
            guard case .message(let contents, let label) = take else { return nil }
            return try Self.read(contents, label, body)
        }
    }

    /// ``receive(_:until:_:)`` on the calling thread, which it blocks. Never call it in a task.
    public func receiveBlocking<Result, Failure: Error>(
        _ selection: QueueSelection, until deadline: Deadline,
        _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        switch kind {
        case .work(let queue):
            return try queue.receiveBlocking(selection, until: deadline) {
                (bytes: RawSpan, label: QueueLabel) throws(Failure) -> Result in
                try Self.open(bytes, label, body)
            }
        case .broadcast(let core):
            let message: (contents: [UInt8], label: QueueLabel)
            do throws(IPCError) {
                message = try nextBlocking(selection, until: deadline, core)
            } catch {
                throw .channel(error)
            }
            return try Self.read(message.contents, message.label, body)
        }
    }

    private func nextBlocking(
        _ selection: QueueSelection, until deadline: Deadline, _ core: MailLogCore
    ) throws(IPCError) -> ([UInt8], QueueLabel) {
        try check(selection)
        var ticket: MailLogCore.Ticket?
        while true {
            let turn = try core.acquireBlocking(after: ticket, until: deadline, "receive")
            switch try core.take(selection, counts: true, turn) {
            case .message(let contents, let label): return (contents, label)
            case .empty(let next): ticket = next
            }
        }
    }

    private func check(_ selection: QueueSelection) throws(IPCError) {
        if let type = selection.namedType, type < 1 {
            throw IPCError(.invalidArgument, "receive: type \(type), and types begin at 1", object: name)
        }
        if case .lowest = selection {
            throw IPCError(
                .unsupported,
                "receive: a broadcast comes in the order in which it was sent; select one type, or all but one",
                object: name)
        }
    }

    /// Contents and return address of a message of shared work.
    private static func open<Result, Failure: Error>(
        _ bytes: RawSpan, _ label: QueueLabel, _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var label = label
        label.returnAddress = ReturnAddress(before: bytes)
        return try body(bytes.extracting(droppingFirst: min(ReturnAddress.byteCount, bytes.byteCount)), label)
    }

    private static func read<Result, Failure: Error>(
        _ contents: [UInt8], _ label: QueueLabel, _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        do throws(Failure) {
            return try body(unsafe contents.span.bytes, label)
        } catch {
            throw .body(error)
        }
    }

    /// How many messages wait for this object at this moment: of shared work those that anybody can receive; of a broadcast
    /// those that this object has yet to receive, or before it has joined those that are kept. About, while others are at it.
    ///
    /// - Throws: `.closed`.
    public var depth: Int {
        get throws(IPCError) {
            switch kind {
            case .work(let queue): return try queue.depth
            case .broadcast(let core):
                try core.checkOpen("look at a mailbox")
                let kept = core.log.count
                let index = core.seat.load(ordering: .acquiring)
                if index < 0 { return kept }
                return min(
                    kept, max(0, Int(clamping: core.log.nextNumber) - Int(clamping: core.log.seat(index).number)))
            }
        }
    }
}
