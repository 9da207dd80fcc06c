import IPCSystem

/// The memory of this process in bytes. proc_pid_status(5).
struct MemoryUse: Sendable {
    /// Pages that are in memory.
    let resident: Int
    /// The most address space that it ever had.
    let peakAddressSpace: Int

    static var now: MemoryUse {
        MemoryUse(resident: bytes(of: "VmRSS:"), peakAddressSpace: bytes(of: "VmPeak:"))
    }

    private static func bytes(of field: String) -> Int {
        (statusField(field)?.split(separator: " ").first.flatMap { Int($0) } ?? 0) * 1024
    }

    /// A line of /proc/self/status, without its name.
    static func statusField(_ field: String) -> String? {
        guard let status = try? TestingCalls.contents(of: "/proc/self/status") else { return nil }
        return String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(field) }
            .map { line in String(line.dropFirst(field.count).drop { $0 == " " || $0 == "\t" }) }
    }

    /// Whether SIGPIPE is ignored or handled in this process, as two bits of the masks in /proc.
    static var dispositionOfSIGPIPE: [String] {
        ["SigIgn:", "SigCgt:"].map { field in
            let mask = statusField(field).flatMap { UInt64($0, radix: 16) } ?? 0
            return "\(field) \(mask >> 12 & 1)"
        }
    }
}
