import IPCSystem

/// How much memory processes have. statm in proc(5).
enum ProcessMemory {
    /// Bytes of this process that are in memory; 0 where /proc does not tell.
    static func resident() -> Int { resident("/proc/self/statm") }

    /// The same of another one. By number: ask only for a child whose status has not been taken.
    static func resident(of processID: Int32) -> Int { resident("/proc/\(processID)/statm") }

    private static func resident(_ path: String) -> Int {
        guard let file = try? FileCalls.open(path, .readOnly) else { return 0 }
        let bytes = try? FileCalls.read(file.number, at: 0, size: 128)
        _ = consume file
        let numbers = String(decoding: bytes ?? [], as: UTF8.self).split(separator: " ")
        guard numbers.count > 1, let pages = Int(numbers[1]) else { return 0 }
        return pages * MemoryCalls.pageSize
    }
}
