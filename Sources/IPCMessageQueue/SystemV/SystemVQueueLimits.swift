import IPCCore
import IPCSystem

/// What bounds System V queues in this IPC namespace. sysvipc(7).
public struct SystemVQueueLimits: Sendable, Hashable {
    /// The largest message in bytes. kernel.msgmax.
    public var messageSize: Int
    /// What ``SystemVQueueOptions/byteLimit`` is at first, and may be at most without CAP_SYS_RESOURCE. kernel.msgmnb.
    public var byteLimit: Int
    /// How many queues there may be. kernel.msgmni.
    public var queueCount: Int

    /// The limits as they are now; the kernel's first values where it does not tell them.
    public static var current: SystemVQueueLimits {
        let found = try? SystemVQueueCalls.limits()
        return SystemVQueueLimits(
            messageSize: found?.largestMessage ?? 8192, byteLimit: found?.byteLimit ?? 16384,
            queueCount: found?.queueCount ?? 32000)
    }

    /// What the system's refusal to make or change a queue means, and what to do about it.
    func explain(_ error: SystemCallError, _ doing: String, object: String, byteLimit asked: Int? = nil) -> IPCError {
        let advice: String? =
            switch error.errno {
            case Errno.noSpace where error.call == .msgget:
                "there are \(queueCount) queues, as kernel.msgmni allows; remove some (ipcs -q, ipcctl queue list), or have "
                    + "the administrator raise it: sysctl kernel.msgmni=\(queueCount * 2)"
            case Errno.notPermitted where error.call == .msgctl && (asked ?? 0) > byteLimit:
                "\(asked ?? 0) bytes are asked for and kernel.msgmnb is \(byteLimit); ask for less, or have the "
                    + "administrator raise it: sysctl kernel.msgmnb=\(asked ?? 0)"
            default: nil
            }
        guard let advice else { return IPCError(error, doing, object: object) }
        return IPCError(
            .resourceExhausted, "\(doing): \(advice)", object: object, systemCall: error.call.rawValue,
            errno: error.errno)
    }
}
