import IPCSystem

/// A limit on what a child may use. setrlimit(2).
public struct ResourceLimit: Sendable, Hashable {
    private let limit: SpawnRequest.Limit

    private init(_ resource: Int32, _ soft: UInt64, _ hard: UInt64?) {
        limit = SpawnRequest.Limit(resource, soft: soft, hard: hard ?? soft)
    }

    var raw: SpawnRequest.Limit { limit }

    /// No limit, for any of the values below.
    public static let unlimited = UInt64.max

    /// Processor time in seconds: SIGXCPU at `soft`, SIGKILL at `hard` (the same if nil). RLIMIT_CPU.
    public static func processorSeconds(_ soft: UInt64, hard: UInt64? = nil) -> ResourceLimit {
        ResourceLimit(0, soft, hard)
    }

    /// The largest file that it may write, in bytes. RLIMIT_FSIZE.
    public static func fileSize(_ soft: UInt64, hard: UInt64? = nil) -> ResourceLimit { ResourceLimit(1, soft, hard) }

    /// The largest core dump in bytes; 0 for none. RLIMIT_CORE.
    public static func coreSize(_ soft: UInt64, hard: UInt64? = nil) -> ResourceLimit { ResourceLimit(4, soft, hard) }

    /// Address space in bytes. RLIMIT_AS.
    public static func addressSpace(_ soft: UInt64, hard: UInt64? = nil) -> ResourceLimit {
        ResourceLimit(9, soft, hard)
    }

    /// Stack of the main thread in bytes. RLIMIT_STACK.
    public static func stackSize(_ soft: UInt64, hard: UInt64? = nil) -> ResourceLimit { ResourceLimit(3, soft, hard) }

    /// One more than the highest descriptor number. RLIMIT_NOFILE.
    public static func openFiles(_ soft: UInt64, hard: UInt64? = nil) -> ResourceLimit { ResourceLimit(7, soft, hard) }

    /// Processes and threads of its user. RLIMIT_NPROC.
    public static func processes(_ soft: UInt64, hard: UInt64? = nil) -> ResourceLimit { ResourceLimit(6, soft, hard) }

    /// Any resource by its number in `<sys/resource.h>`.
    public static func resource(_ number: Int32, _ soft: UInt64, hard: UInt64? = nil) -> ResourceLimit {
        ResourceLimit(number, soft, hard)
    }
}
