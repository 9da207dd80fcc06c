public import IPCCore
import IPCSystem

extension SharedQueue {
    /// Waits for a message that `selection` matches and lets `body` read a copy of it. It is received even when `body` throws.
    ///
    /// Looking for a type takes time in proportion to the messages before it, and others wait meanwhile.
    ///
    /// - Throws: ``ChannelBodyError/channel(_:)`` with `.timedOut` or `.cancelled` when nothing was taken; `.invalidArgument`
    ///   for a type below 1; `.closed`; `.participantLost` in the child of a fork; or ``ChannelBodyError/body(_:)``.
    @inlinable
    public func receive<Result, Failure: Error>(
        _ selection: QueueSelection, until deadline: Deadline,
        _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result {
        var outcome: Swift.Result<Result, Failure>?
        func run(_ bytes: RawSpan, _ label: QueueLabel) {
            do throws(Failure) {
                outcome = .success(try body(bytes, label))
            } catch {
                outcome = .failure(error)
            }
        }
        do throws(IPCError) {
            if try !receiveNow(selection, run) { try await receiveSlowly(selection, deadline, run) }
        } catch {
            throw .channel(error)
        }
        return try Self.result(outcome)
    }

    /// Lets `body` read a message that `selection` matches if one is there; nil when `receive` would wait.
    @inlinable
    public func tryReceive<Result, Failure: Error>(
        _ selection: QueueSelection, _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result? {
        var outcome: Swift.Result<Result, Failure>?
        do throws(IPCError) {
            try tryReceiveOnce(selection) { bytes, label in
                do throws(Failure) {
                    outcome = .success(try body(bytes, label))
                } catch {
                    outcome = .failure(error)
                }
            }
        } catch {
            throw .channel(error)
        }
        return outcome == nil ? nil : try Self.result(outcome)
    }

    /// ``receive(_:until:_:)`` on the calling thread, which it blocks. Never call it in a task.
    @inlinable
    public func receiveBlocking<Result, Failure: Error>(
        _ selection: QueueSelection, until deadline: Deadline,
        _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        var outcome: Swift.Result<Result, Failure>?
        do throws(IPCError) {
            try receiveOnThread(selection, deadline) { bytes, label in
                do throws(Failure) {
                    outcome = .success(try body(bytes, label))
                } catch {
                    outcome = .failure(error)
                }
            }
        } catch {
            throw .channel(error)
        }
        return try Self.result(outcome)
    }

    /// What the body made, which has run.
    @inlinable @inline(__always)
    static func result<Result, Failure: Error>(
        _ outcome: Swift.Result<Result, Failure>?
    ) throws(ChannelBodyError<Failure>) -> Result {
        switch outcome! {
        case .success(let result): return result
        case .failure(let error): throw .body(error)
        }
    }

    // MARK: Without generics, so that they are compiled once

    /// Receives without waiting, but for large messages: they need a second turn. False when there was none.
    @usableFromInline
    func receiveNow(
        _ selection: QueueSelection, _ body: (RawSpan, QueueLabel) -> Void
    ) throws(IPCError) -> Bool {
        try check(selection)
        guard let turn = try core.tryAcquire("receive") else { return false }
        if case .message = core.take(selection, counts: false, large: false, turn, body) { return true }
        return false
    }

    @usableFromInline
    func receiveSlowly(
        _ selection: QueueSelection, _ deadline: Deadline, _ body: (RawSpan, QueueLabel) -> Void
    ) async throws(IPCError) {
        // At first a few microseconds of looking, then a sleep.
        _ = core.messageLook.look { core.table.get(.depth) != 0 }
        var ticket: QueueCore.Ticket?
        while true {
            let turn = try await core.acquire(after: ticket, until: deadline, "receive")
            switch core.take(selection, counts: true, turn, body) {
            case .message: return
            case .large(let lease):
                let contents = core.contents(lease)
                try await core.receive(lease, until: deadline)
                return unsafe body(contents.span.bytes, lease.label)
            case .empty(let next): ticket = next
            }
        }
    }

    @usableFromInline
    func tryReceiveOnce(
        _ selection: QueueSelection, _ body: (RawSpan, QueueLabel) -> Void
    ) throws(IPCError) {
        try check(selection)
        guard let turn = try core.tryAcquire("receive") else { return }
        if case .large(let lease) = core.take(selection, counts: false, turn, body) {
            let contents = core.contents(lease)
            if try core.tryReceive(lease) { unsafe body(contents.span.bytes, lease.label) }
        }
    }

    @usableFromInline
    func receiveOnThread(
        _ selection: QueueSelection, _ deadline: Deadline, _ body: (RawSpan, QueueLabel) -> Void
    ) throws(IPCError) {
        try check(selection)
        var ticket: QueueCore.Ticket?
        while true {
            let turn = try core.acquireBlocking(after: ticket, until: deadline, "receive")
            switch core.take(selection, counts: true, turn, body) {
            case .message: return
            case .large(let lease):
                let contents = core.contents(lease)
                try core.receiveBlocking(lease, until: deadline)
                return unsafe body(contents.span.bytes, lease.label)
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
