public import CIPC

/// System V message queues. msgget(2), msgop(2), msgctl(2).
@usableFromInline
package enum SystemVQueueCalls {
    package struct Status: Sendable {
        package let key: Int32
        package let queue: Int32
        package let owner: UInt32
        package let permissions: UInt32
        package let depth: Int
        package let byteCount: Int
        package let byteLimit: Int
        package let lastSender: Int32
        package let lastReceiver: Int32
        /// Seconds since 1970; 0 for never.
        package let lastSend: Int64
        package let lastReceive: Int64
        package let lastChange: Int64

        init(_ found: cipc_msg_status) {
            (key, queue, owner, permissions) = (found.key, found.queue, found.owner, found.mode)
            (depth, byteCount) = (Int(clamping: found.depth), Int(clamping: found.byte_count))
            byteLimit = Int(clamping: found.byte_limit)
            (lastSender, lastReceiver) = (found.last_sender, found.last_receiver)
            (lastSend, lastReceive, lastChange) = (found.last_send, found.last_receive, found.last_change)
        }
    }

    /// kernel.msgmax, kernel.msgmnb and kernel.msgmni of this IPC namespace.
    package struct Limits: Sendable {
        package let largestMessage: Int
        package let byteLimit: Int
        package let queueCount: Int
    }

    /// Which message msgrcv(2) takes: its type argument, and whether it is MSG_EXCEPT.
    @usableFromInline
    package struct Choice: Sendable {
        @usableFromInline let type: Int64
        @usableFromInline let flags: Int32

        package init(type: Int64, isException: Bool, cuts: Bool) {
            self.type = type
            flags = (isException ? CIPC_MSG_EXCEPT : 0) | (cuts ? CIPC_MSG_NOERROR : 0)
        }
    }

    /// Bytes of the type before a message's own.
    package static let headerSize = MemoryLayout<Int>.size

    package static func get(
        key: Int32, create: Bool, exclusive: Bool, permissions: UInt32
    ) throws(SystemCallError) -> Int32 {
        Int32(try retrying(.msgget) { cipc_msg_get(key, create ? 1 : 0, exclusive ? 1 : 0, permissions) })
    }

    package static func status(of queue: Int32) throws(SystemCallError) -> Status {
        var found = cipc_msg_status()
        _ = try retrying(.msgctl) { unsafe cipc_msg_stat(queue, &found) }
        return Status(found)
    }

    package static func limits() throws(SystemCallError) -> Limits {
        var found = cipc_msg_limits()
        _ = try retrying(.msgctl) { unsafe cipc_msg_limits_of_system(&found) }
        return Limits(
            largestMessage: Int(clamping: found.largest_message), byteLimit: Int(clamping: found.byte_limit),
            queueCount: Int(clamping: found.queue_count))
    }

    package static func set(_ queue: Int32, permissions: UInt32, byteLimit: Int) throws(SystemCallError) {
        _ = try retrying(.msgctl) { cipc_msg_set(queue, permissions, UInt64(byteLimit)) }
    }

    package static func remove(_ queue: Int32) throws(SystemCallError) {
        _ = try retrying(.msgctl) { cipc_msg_remove(queue) }
    }

    /// All queues of this machine's IPC namespace.
    package static func all() throws(SystemCallError) -> [Status] {
        let highest = try retrying(.msgctl) { cipc_msg_highest_index() }
        var found: [Status] = []
        for index in 0...max(0, highest) {
            var status = cipc_msg_status()
            if unsafe cipc_msg_stat_index(Int32(index), &status) >= 0 { found.append(Status(status)) }
        }
        return found
    }

    /// msgsnd(2) that does not wait: false when the queue is full. `message` begins with its type.
    @inlinable
    package static func send(_ queue: Int32, _ message: UnsafeRawBufferPointer) throws(SystemCallError) -> Bool {
        // SAFETY: the kernel reads the message that the caller holds.
        try retryingUnlessBlocked(.msgsnd) {
            unsafe cipc_msg_send(
                queue, message.baseAddress!, message.count - MemoryLayout<Int>.size, CIPC_MSG_NOWAIT)
        } != nil
    }

    /// msgrcv(2) that does not wait: the count of bytes after the type, nil when nothing matches.
    @inlinable
    package static func receive(
        _ queue: Int32, into message: UnsafeMutableRawBufferPointer, _ choice: Choice
    ) throws(SystemCallError) -> Int? {
        do throws(SystemCallError) {
            // SAFETY: the kernel writes at most the buffer.
            return try retrying(.msgrcv) {
                unsafe cipc_msg_receive(
                    queue, message.baseAddress!, message.count - MemoryLayout<Int>.size, choice.type,
                    choice.flags | CIPC_MSG_NOWAIT)
            }
        } catch {
            if error.errno == Errno.noMessage { return nil }
            throw error
        }
    }

    /// msgsnd(2) that waits for room and can be ended: false when it was, and nothing was sent.
    package static func sendInterruptibly(
        _ queue: Int32, _ message: UnsafeRawBufferPointer
    ) throws(SystemCallError) -> Bool {
        // SAFETY: the kernel reads the message that the caller holds.
        try InterruptCalls.attempt(.msgsnd) {
            cipc_interruptible_call(
                Int(CIPC_SYS_MSGSND), Int(queue), Int(bitPattern: message.baseAddress!), message.count - headerSize, 0,
                0)
        } != nil
    }

    /// msgrcv(2) that waits and can be ended: nil when it was, and nothing was taken.
    package static func receiveInterruptibly(
        _ queue: Int32, into message: UnsafeMutableRawBufferPointer, _ choice: Choice
    ) throws(SystemCallError) -> Int? {
        // SAFETY: the kernel writes at most the buffer.
        try InterruptCalls.attempt(.msgrcv) {
            cipc_interruptible_call(
                Int(CIPC_SYS_MSGRCV), Int(queue), Int(bitPattern: message.baseAddress!), message.count - headerSize,
                Int(choice.type), Int(choice.flags))
        }
    }
}
