public import IPCCore
import IPCSystem

extension SystemVMessageQueue {
    /// Sends the bytes as one message; suspends while the queue is full. msgsnd(2).
    ///
    /// - Throws: `.timedOut` or `.cancelled` when nothing was sent; `.invalidArgument` for a type below 1 or a priority;
    ///   `.messageTooLarge`; `.removed`; `.permissionDenied`; `.finished`; `.closed`; `.resourceExhausted` when too many
    ///   tasks of this process wait, or the kernel has no memory.
    public func send(_ bytes: RawSpan, labeled label: QueueLabel, until deadline: Deadline) async throws(IPCError) {
        let message = try Outgoing(self, bytes, label)
        defer { buffers.give(message.buffer) }
        if try put(message) { return }
        if Task.isCancelled { throw .cancelled("send") }
        if deadline.hasPassed { throw .timedOut("send") }
        let call = try calls.begin("send")
        defer { calls.end(call) }
        let isSent = try await InterruptibleCalls.shared.run(call, until: deadline, "send") {
            () throws(IPCError) -> Bool? in
            try self.putBlocking(message)
        }
        // Only closing this object ends the call of a task that goes on.
        if isSent == nil { throw .closed("send") }
    }

    /// Sends the bytes as one message if there is room now.
    public func trySend(_ bytes: RawSpan, labeled label: QueueLabel) throws(IPCError) -> Bool {
        let message = try Outgoing(self, bytes, label)
        defer { buffers.give(message.buffer) }
        return try put(message)
    }

    /// Sends the bytes as one message, and blocks the calling thread while the queue is full. msgsnd(2).
    ///
    /// - Throws: as ``send(_:labeled:until:)``, without `.cancelled`.
    public func sendBlocking(_ bytes: RawSpan, labeled label: QueueLabel, until deadline: Deadline) throws(IPCError) {
        let message = try Outgoing(self, bytes, label)
        defer { buffers.give(message.buffer) }
        // Mostly there is room; and a message that can never have any must be found out before the wait.
        if try put(message) { return }
        if deadline.hasPassed { throw .timedOut("send") }
        let call = try calls.begin("send")
        defer { calls.end(call) }
        let isSent = try call.runBlocking(until: deadline, "send") { () throws(IPCError) -> Bool? in
            try putBlocking(message)
        }
        if isSent == nil {
            try calls.checkOpen("send")
            throw .timedOut("send")
        }
    }

    /// A message as msgsnd(2) takes it: the type, then the bytes.
    private struct Outgoing: Sendable {
        let buffer: QueueBuffer
        let count: Int

        init(_ queue: SystemVMessageQueue, _ bytes: RawSpan, _ label: QueueLabel) throws(IPCError) {
            try queue.check(bytes.byteCount, label)
            try queue.calls.checkSending()
            buffer = queue.buffers.take()
            count = bytes.byteCount
            let header = SystemVQueueCalls.headerSize
            unsafe buffer.bytes.storeBytes(of: label.type, as: Int.self)
            // SAFETY: the buffer has room for the largest message, and `check` has compared.
            unsafe bytes.withUnsafeBytes {
                unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[header..<header + $0.count])
                    .copyMemory(from: $0)
            }
        }

        var bytes: UnsafeRawBufferPointer {
            unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[..<(SystemVQueueCalls.headerSize + count)])
        }
    }

    private func put(_ message: Outgoing) throws(IPCError) -> Bool {
        do throws(SystemCallError) {
            if try unsafe SystemVQueueCalls.send(identifier, message.bytes) { return true }
        } catch {
            throw explain(error, sending: message.count)
        }
        try checkItFits(message.count)
        return false
    }

    private func putBlocking(_ message: Outgoing) throws(IPCError) -> Bool? {
        do throws(SystemCallError) {
            return try unsafe SystemVQueueCalls.sendInterruptibly(identifier, message.bytes) ? true : nil
        } catch {
            throw explain(error, sending: message.count)
        }
    }

    /// A message that is larger than the whole queue would wait for ever.
    private func checkItFits(_ count: Int) throws(IPCError) {
        guard let limit = try? SystemVQueueCalls.status(of: identifier).byteLimit, count > limit else { return }
        throw IPCError(
            .messageTooLarge,
            "send: \(count) bytes, and the whole queue holds \(limit) (msg_qbytes); send less, or raise it with "
                + "setByteLimit", object: object)
    }

    private func check(_ byteCount: Int, _ label: QueueLabel) throws(IPCError) {
        guard label.type >= 1 else {
            throw IPCError(
                .invalidArgument, "send: type \(label.type), and types of a System V queue are 1 or above",
                object: object)
        }
        guard label.priority == 0 else {
            throw IPCError(
                .invalidArgument,
                "send: priority \(label.priority), and a System V queue has none; leave it at 0 and let types say it, or "
                    + "take a POSIX or a shared queue", object: object)
        }
        guard byteCount <= maximumMessageSize else {
            throw IPCError(
                .messageTooLarge,
                "send: \(byteCount) bytes, and \(maximumMessageSize) is the most that this object was opened for; send "
                    + "less, or open it with a larger maximumMessageSize and kernel.msgmax", object: object)
        }
    }

    private func explain(_ error: SystemCallError, sending count: Int) -> IPCError {
        let limit = SystemVQueueLimits.current.messageSize
        guard error.errno == Errno.invalid, count > limit else { return explain(error, "send to a System V queue") }
        return IPCError(
            .messageTooLarge,
            "send: \(count) bytes, and kernel.msgmax is \(limit); send less, or have the administrator raise it: sysctl "
                + "kernel.msgmax=\(count)", object: object, systemCall: error.call.rawValue, errno: error.errno)
    }

    /// What the system's refusal means for a queue that was there.
    func explain(_ error: SystemCallError, _ doing: String) -> IPCError {
        guard error.errno == Errno.identifierRemoved || error.errno == Errno.invalid else {
            return IPCError(error, doing, object: object)
        }
        return IPCError(
            .removed, "\(doing): the queue was removed", object: object, systemCall: error.call.rawValue,
            errno: error.errno)
    }
}
