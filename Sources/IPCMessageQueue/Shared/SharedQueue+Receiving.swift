public import IPCCore
import IPCSystem

extension SharedQueue {
    /// Waits for a message that `selection` matches and lets `body` read a copy of it. It is received even when `body` throws.
    ///
    /// Looking for a type takes time in proportion to the messages before it, and others wait meanwhile.
    ///
    /// - Throws: ``ChannelBodyError/channel(_:)`` with `.timedOut` or `.cancelled` when nothing was taken; `.invalidArgument`
    ///   for a type below 1; `.closed`; `.participantLost` in the child of a fork; or ``ChannelBodyError/body(_:)``.
    public func receive<Result, Failure: Error>(
        _ selection: QueueSelection, until deadline: Deadline,
        _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result {
        var isFirst = true
        var ticket: QueueCore.Ticket?
        while true {
            let turn: QueueCore.Turn
            do throws(IPCError) {
                try check(selection)
                turn = try await core.acquire(after: ticket, until: deadline, "receive")
            } catch {
                throw .channel(error)
            }
            let take: QueueCore.Take<Result>
            do throws(Failure) {
                take = try core.take(selection, counts: !isFirst, turn, body)
            } catch {
                throw .body(error)
            }
            switch take {
            case .message(let result): return result
            case .large(let lease):
                let contents = core.contents(lease)
                await core.settle(lease.place, .received, waits: deadline == .never)
                return try read(contents, lease.label, body)
            case .empty(let next):
                // At first a few microseconds of looking, then a sleep.
                if isFirst { _ = core.messageSpins.spin(.shared) { core.table.get(.depth) != 0 } }
                isFirst = false
                ticket = next
            }
        }
    }

    private func read<Result, Failure: Error>(
        _ contents: [UInt8], _ label: QueueLabel, _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        do throws(Failure) {
            return try body(unsafe contents.span.bytes, label)
        } catch {
            throw .body(error)
        }
    }

    /// Lets `body` read a message that `selection` matches if one is there; nil when `receive` would wait.
    public func tryReceive<Result, Failure: Error>(
        _ selection: QueueSelection, _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result? {
        let turn: QueueCore.Turn?
        do throws(IPCError) {
            try check(selection)
            turn = try core.tryAcquire("receive")
        } catch {
            throw .channel(error)
        }
        guard let turn else { return nil }
        let take: QueueCore.Take<Result>
        do throws(Failure) {
            take = try core.take(selection, counts: false, turn, body)
        } catch {
            throw .body(error)
        }
        switch take {
        case .message(let result): return result
        case .empty: return nil
        case .large(let lease):
            let contents = core.contents(lease)
            core.settleLater(lease.place, .received)
            return try read(contents, lease.label, body)
        }
    }

    /// ``receive(_:until:_:)`` on the calling thread, which it blocks. Never call it in a task.
    public func receiveBlocking<Result, Failure: Error>(
        _ selection: QueueSelection, until deadline: Deadline,
        _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        var ticket: QueueCore.Ticket?
        while true {
            let turn: QueueCore.Turn
            do throws(IPCError) {
                try check(selection)
                turn = try core.acquireBlocking(after: ticket, until: deadline, "receive")
            } catch {
                throw .channel(error)
            }
            let take: QueueCore.Take<Result>
            do throws(Failure) {
                take = try core.take(selection, counts: true, turn, body)
            } catch {
                throw .body(error)
            }
            switch take {
            case .message(let result): return result
            case .large(let lease):
                let contents = core.contents(lease)
                core.settleBlocking(lease.place, .received, until: deadline)
                return try read(contents, lease.label, body)
            case .empty(let next): ticket = next
            }
        }
    }

    @inline(__always)
    func check(_ selection: QueueSelection) throws(IPCError) {
        if let type = selection.namedType, type < 1 {
            throw IPCError(.invalidArgument, "receive: type \(type), and types begin at 1", object: core.name)
        }
    }
}
