public import IPCCore
import IPCSystem

extension POSIXMessageQueue {
    /// Waits for the message with the highest priority and lets `body` read it where the kernel put it. mq_receive(3).
    ///
    /// - Throws: ``ChannelBodyError/channel(_:)`` with `.timedOut` or `.cancelled` when nothing was taken; `.unsupported` for
    ///   a selection other than ``QueueSelection/any``; `.permissionDenied` when it was opened for sending; `.closed`; or
    ///   ``ChannelBodyError/body(_:)``.
    @inlinable
    public func receive<Result, Failure: Error>(
        _ selection: QueueSelection, until deadline: Deadline,
        _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result {
        let held: HeldMessage
        do throws(IPCError) {
            held = try await take(selection, until: deadline)
        } catch {
            throw .channel(error)
        }
        defer { endReceiving() }
        do throws(Failure) {
            return try body(held.bytes, held.label)
        } catch {
            throw .body(error)
        }
    }

    /// The same for a copy of the message.
    public func receive(
        _ selection: QueueSelection, until deadline: Deadline = .never
    ) async throws(IPCError) -> QueueMessage<[UInt8]> {
        let taken = try await begin(selection, until: deadline)
        defer { endReceiving() }
        return unsafe QueueMessage(
            payload: Array(inbox.buffer.bytes[..<taken.count]), priority: Int(taken.priority))
    }

    /// Lets `body` read the message with the highest priority if one is there; nil when there is none, or others wait before.
    public func tryReceive<Result, Failure: Error>(
        _ selection: QueueSelection, _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result? {
        let taken: Taken
        do throws(IPCError) {
            guard let found = try tryBegin(selection) else { return nil }
            taken = found
        } catch {
            throw .channel(error)
        }
        defer { endReceiving() }
        return try read(inbox.buffer, taken, body)
    }

    typealias Taken = (count: Int, priority: UInt32)

    func read<Result, Failure: Error>(
        _ buffer: QueueBuffer, _ taken: Taken, _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        // SAFETY: the kernel has written so many bytes, and the buffer is this call's until it returns.
        let bytes = unsafe RawSpan(
            _unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer.bytes[..<taken.count]))
        do throws(Failure) {
            return try body(bytes, QueueLabel(priority: Int(taken.priority)))
        } catch {
            throw .body(error)
        }
    }

    // MARK: One message in the inbox

    /// Takes a message, which is the caller's until ``endReceiving()``.
    @usableFromInline
    func take(_ selection: QueueSelection, until deadline: Deadline) async throws(IPCError) -> HeldMessage {
        let taken = try await begin(selection, until: deadline)
        return HeldMessage(inbox.buffer, count: taken.count, QueueLabel(priority: Int(taken.priority)))
    }

    /// Takes a message. When it returns, the caller holds the lock.
    private func begin(_ selection: QueueSelection, until deadline: Deadline) async throws(IPCError) -> Taken {
        try check(selection)
        if !receiveLock.tryAcquire() {
            try await receiveLock.acquire(until: deadline, "receive", engine: stream.engine)
        }
        do throws(IPCError) {
            if let taken = try take() { return taken }
            if let taken = try inbox.spinning.lookAgain(stream.engine, { () throws(IPCError) in try take() }) {
                if inbox.spinning.takesBreak() { await Task.yield() }
                return taken
            }
            while true {
                try await stream.registration.waitReadable(until: deadline, "receive")
                if receiveLock.isClosed { throw .closed("receive") }
                if let taken = try take() { return taken }
            }
        } catch {
            endReceiving()
            throw error
        }
    }

    private func tryBegin(_ selection: QueueSelection) throws(IPCError) -> Taken? {
        try check(selection)
        guard receiveLock.tryAcquire() else {
            if receiveLock.isClosed { throw .closed("receive") }
            return nil
        }
        do throws(IPCError) {
            if let taken = try take() { return taken }
        } catch {
            endReceiving()
            throw error
        }
        endReceiving()
        return nil
    }

    private func take() throws(IPCError) -> Taken? {
        do throws(SystemCallError) {
            return try unsafe POSIXQueueCalls.receive(stream.number, into: inbox.buffer.bytes)
        } catch {
            throw IPCError(error, "receive from a POSIX queue", object: name)
        }
    }

    func check(_ selection: QueueSelection) throws(IPCError) {
        guard selection == .any else {
            throw IPCError(
                .unsupported,
                "receive: a POSIX queue has no types to select by; receive any, or take a System V or a shared queue",
                object: name)
        }
        guard access.receives else {
            throw IPCError(.permissionDenied, "receive: this queue was opened for sending", object: name)
        }
    }
}
