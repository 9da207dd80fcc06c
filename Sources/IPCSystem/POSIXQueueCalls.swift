public import CIPC

/// POSIX message queues. mq_overview(7). A queue is a descriptor.
@usableFromInline
package enum POSIXQueueCalls {
    package struct Attributes: Sendable, Equatable {
        /// The most messages in the queue.
        package let capacity: Int
        /// The largest message in bytes.
        package let messageSize: Int
        /// The messages in the queue.
        package let depth: Int
    }

    /// The most messages of any queue, whoever asks. HARD_MSGMAX.
    package static let largestCapacity = 65536
    /// The most bytes of any message, whoever asks. HARD_MSGSIZEMAX.
    package static let largestMessageSize = 16 << 20

    /// mq_open(3), close-on-exec; `name` without the slash. `shape` nil: the defaults of the system.
    package static func open(
        _ name: String, _ flags: FileCalls.Flags, permissions: UInt32 = 0,
        shape: (capacity: Int, messageSize: Int)? = nil
    ) throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(
            owning: Int32(
                try retrying(.mq_open) {
                    unsafe cipc_mq_open(
                        name, flags.rawValue, permissions, Int64(shape?.capacity ?? -1), Int64(shape?.messageSize ?? 0))
                }))
    }

    /// mq_unlink(3); `name` without the slash.
    package static func unlink(_ name: String) throws(SystemCallError) {
        _ = try retrying(.mq_unlink) { unsafe cipc_mq_unlink(name) }
    }

    /// mq_getattr(3). EBADF for a descriptor that is no queue.
    package static func attributes(of queue: Int32) throws(SystemCallError) -> Attributes {
        var found = cipc_mq_attributes()
        _ = try retrying(.mq_getattr) { unsafe cipc_mq_attributes_of(queue, &found) }
        return Attributes(
            capacity: Int(found.capacity), messageSize: Int(found.message_size), depth: Int(found.depth))
    }

    /// mq_send(3) on a non-blocking queue: false when it is full.
    @inlinable
    package static func send(
        _ queue: Int32, _ bytes: UnsafeRawBufferPointer, priority: UInt32
    ) throws(SystemCallError) -> Bool {
        // SAFETY: the kernel reads the bytes that the caller holds; an empty message may have no address.
        try retryingUnlessBlocked(.mq_send) {
            unsafe cipc_mq_send(queue, bytes.baseAddress ?? anyAddress, bytes.count, priority)
        } != nil
    }

    /// mq_receive(3) on a non-blocking queue: nil when it is empty. `buffer` has room for the largest message.
    @inlinable
    package static func receive(
        _ queue: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) -> (count: Int, priority: UInt32)? {
        var priority: UInt32 = 0
        // SAFETY: the kernel writes at most the buffer.
        let count = try retryingUnlessBlocked(.mq_receive) {
            unsafe cipc_mq_receive(queue, buffer.baseAddress!, buffer.count, &priority)
        }
        return count.map { ($0, priority) }
    }

    /// mq_send(3) on a blocking queue, made so that it can be ended: false when it was, and nothing was sent.
    package static func sendInterruptibly(
        _ queue: Int32, _ bytes: UnsafeRawBufferPointer, priority: UInt32
    ) throws(SystemCallError) -> Bool {
        // SAFETY: the kernel reads the bytes that the caller holds.
        try InterruptCalls.attempt(.mq_send) {
            cipc_interruptible_call(
                Int(CIPC_SYS_MQ_TIMEDSEND), Int(queue), unsafe Int(bitPattern: bytes.baseAddress ?? anyAddress),
                bytes.count,
                Int(priority), 0)
        } != nil
    }

    /// mq_receive(3) on a blocking queue, made so that it can be ended: nil when it was, and nothing was taken.
    package static func receiveInterruptibly(
        _ queue: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) -> (count: Int, priority: UInt32)? {
        var priority: UInt32 = 0
        let count = try unsafe withUnsafeMutablePointer(to: &priority) { priority throws(SystemCallError) in
            // SAFETY: the kernel writes at most the buffer, and one word.
            try InterruptCalls.attempt(.mq_receive) {
                cipc_interruptible_call(
                    Int(CIPC_SYS_MQ_TIMEDRECEIVE), Int(queue), Int(bitPattern: buffer.baseAddress!), buffer.count,
                    Int(bitPattern: priority), 0)
            }
        }
        return count.map { ($0, priority) }
    }

    /// What a queue counts for against RLIMIT_MSGQUEUE, in bytes.
    package static func byteCount(capacity: Int, messageSize: Int) -> UInt64 {
        cipc_mq_byte_count(Int64(capacity), Int64(messageSize))
    }

    /// The soft RLIMIT_MSGQUEUE of this process, in bytes; nil for none.
    package static var byteLimit: UInt64? {
        let limit = cipc_mq_byte_limit()
        return limit == .max ? nil : limit
    }

    // SAFETY: never read or written: it stands for an empty buffer.
    @usableFromInline static var anyAddress: UnsafeRawPointer {
        unsafe UnsafeRawPointer(bitPattern: 16)!
    }
}
