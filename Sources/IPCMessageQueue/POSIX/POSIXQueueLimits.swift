import IPCCore
import IPCSystem

/// What bounds POSIX queues on this machine for a process without CAP_SYS_RESOURCE. mq_overview(7).
public struct POSIXQueueLimits: Sendable, Hashable {
    /// The most messages that a queue may be made for. fs.mqueue.msg_max.
    public var capacity: Int
    /// The largest message in bytes that a queue may be made for. fs.mqueue.msgsize_max.
    public var messageSize: Int
    /// How many queues there may be in this IPC namespace. fs.mqueue.queues_max.
    public var queueCount: Int
    /// The bytes that all queues of this user may take together, for root, too. RLIMIT_MSGQUEUE; nil for no limit.
    public var byteCount: UInt64?

    /// The limits as they are now; the kernel's first values where /proc is not mounted.
    public static var current: POSIXQueueLimits {
        POSIXQueueLimits(
            capacity: read("msg_max") ?? 10, messageSize: read("msgsize_max") ?? 8192,
            queueCount: read("queues_max") ?? 256, byteCount: POSIXQueueCalls.byteLimit)
    }

    /// What a queue is made with where nothing is said.
    static var defaults: (capacity: Int, messageSize: Int) {
        let limits = current
        return (
            min(read("msg_default") ?? 10, limits.capacity), min(read("msgsize_default") ?? 8192, limits.messageSize)
        )
    }

    private static func read(_ name: String) -> Int? {
        guard let bytes = try? TestingCalls.contents(of: "/proc/sys/fs/mqueue/\(name)") else { return nil }
        return Int(String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self))
    }

    /// What the system's refusal to make a queue means, and what to do about it.
    func explain(
        _ error: SystemCallError, _ doing: String, object: String, _ shape: (capacity: Int, messageSize: Int)?
    ) -> IPCError {
        let bytes = shape.map { POSIXQueueCalls.byteCount(capacity: $0.capacity, messageSize: $0.messageSize) }
        let advice: String? =
            switch error.errno {
            case Errno.invalid where (shape?.capacity ?? 0) > capacity:
                "\(shape!.capacity) messages are asked for and fs.mqueue.msg_max is \(capacity); ask for fewer, or have the "
                    + "administrator raise it: sysctl fs.mqueue.msg_max=\(shape!.capacity)"
            case Errno.invalid where (shape?.messageSize ?? 0) > messageSize:
                "messages of \(shape!.messageSize) bytes are asked for and fs.mqueue.msgsize_max is \(messageSize); ask for "
                    + "less, or have the administrator raise it: sysctl fs.mqueue.msgsize_max=\(shape!.messageSize)"
            case Errno.noSpace:
                "there are \(queueCount) queues, as fs.mqueue.queues_max allows; remove some, or have the administrator "
                    + "raise it: sysctl fs.mqueue.queues_max=\(queueCount * 2)"
            case Errno.tooManyOpenFiles where hasFreeDescriptor:
                "the queues of this user would take more than RLIMIT_MSGQUEUE, \(byteCount ?? 0) bytes"
                    + (bytes.map { " (this one takes \($0))" } ?? "")
                    + "; remove some, make smaller ones, or raise it: ulimit -q, LimitMSGQUEUE in systemd"
            default: nil
            }
        guard let advice else { return IPCError(error, doing, object: object) }
        return IPCError(
            .resourceExhausted, "\(doing): \(advice)", object: object, systemCall: error.call.rawValue,
            errno: error.errno)
    }

    /// EMFILE says either that there is no free descriptor or that RLIMIT_MSGQUEUE is reached.
    private var hasFreeDescriptor: Bool { (try? DescriptorCalls.makeEvent()) != nil }
}
