public import IPCCore
import IPCSystem

extension POSIXMessageQueue {
    /// Sends the bytes as one message; suspends while the queue is full. mq_send(3).
    ///
    /// - Throws: `.timedOut` or `.cancelled` when nothing was sent; `.invalidArgument` for a priority out of range or a type
    ///   other than 1; `.messageTooLarge`; `.permissionDenied` when it was opened for receiving; `.finished`; `.closed`.
    public func send(_ bytes: RawSpan, labeled label: QueueLabel, until deadline: Deadline) async throws(IPCError) {
        let priority = try check(bytes.byteCount, label)
        if !sendLock.tryAcquire() { try await sendLock.acquire(until: deadline, "send", engine: stream.engine) }
        do throws(IPCError) {
            try calls.checkSending()
            while try !put(bytes, priority) {
                try await stream.registration.waitWritable(until: deadline, "send")
                if sendLock.isClosed { throw .closed("send") }
            }
        } catch {
            endSending()
            throw error
        }
        endSending()
    }

    /// Sends the bytes as one message if there is room now; false when the queue is full, or others wait before.
    public func trySend(_ bytes: RawSpan, labeled label: QueueLabel) throws(IPCError) -> Bool {
        let priority = try check(bytes.byteCount, label)
        guard sendLock.tryAcquire() else {
            if sendLock.isClosed { throw .closed("send") }
            return false
        }
        do throws(IPCError) {
            try calls.checkSending()
            let isSent = try put(bytes, priority)
            endSending()
            return isSent
        } catch {
            endSending()
            throw error
        }
    }

    private func put(_ bytes: RawSpan, _ priority: UInt32) throws(IPCError) -> Bool {
        do throws(SystemCallError) {
            return try unsafe bytes.withUnsafeBytes { bytes throws(SystemCallError) in
                try unsafe POSIXQueueCalls.send(stream.number, bytes, priority: priority)
            }
        } catch {
            throw IPCError(error, "send to a POSIX queue", object: name)
        }
    }

    /// The priority as the kernel takes it.
    func check(_ byteCount: Int, _ label: QueueLabel) throws(IPCError) -> UInt32 {
        guard byteCount <= maximumMessageSize else {
            throw IPCError(
                .messageTooLarge,
                "send: \(byteCount) bytes, and the queue was made for messages of \(maximumMessageSize); send less, or make "
                    + "it anew with a larger maximumMessageSize", object: name)
        }
        guard (0...Self.maximumPriority).contains(label.priority) else {
            throw IPCError(
                .invalidArgument,
                "send: priority \(label.priority), and a POSIX queue has 0 to \(Self.maximumPriority)", object: name)
        }
        guard label.type == 1 else {
            throw IPCError(
                .invalidArgument,
                "send: type \(label.type), and a POSIX queue has no types; leave it at 1, or take a System V or a shared "
                    + "queue", object: name)
        }
        guard access.sends else {
            throw IPCError(.permissionDenied, "send: this queue was opened for receiving", object: name)
        }
        return UInt32(label.priority)
    }
}
