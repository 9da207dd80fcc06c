import IPCSystem

/// What the kernel says that a process is doing. proc_pid_stat(5).
enum ProcessState: Sendable {
    /// Stopped by a signal.
    case stopped
    /// Stopped by a debugger.
    case traced
    /// Anything else, or it is not known.
    case other

    /// By number: ask only for a child whose status has not been taken.
    static func of(_ processID: Int32) -> ProcessState {
        guard let file = try? FileCalls.open("/proc/\(processID)/stat", .readOnly),
            let bytes = try? FileCalls.read(file.number, at: 0, size: 512)
        else { return .other }
        // The name of the program is in parentheses, and may hold some itself.
        guard let end = bytes.lastIndex(of: UInt8(ascii: ")")), end + 2 < bytes.count else { return .other }
        switch bytes[end + 2] {
        case UInt8(ascii: "T"): return .stopped
        case UInt8(ascii: "t"): return .traced
        default: return .other
        }
    }
}
