import IPCSystem

/// What /proc says of a process at one look. proc_pid_stat(5).
struct ProcessGlance: Sendable, Hashable {
    /// When it started, in ticks since the machine did. With the process id it names one process and no later one.
    var start: UInt64
    /// Whether it is dead and only its status is left.
    var isZombie: Bool
    /// Bytes of memory that it has in use.
    var residentBytes: Int

    /// nil when there is no such process, or none that this one may see.
    static func look(at processID: Int32) -> ProcessGlance? {
        guard processID > 0, let file = try? FileCalls.open("/proc/\(processID)/stat", .readOnly),
            let bytes = try? FileCalls.read(file.number, at: 0, size: 1024)
        else { return nil }
        // The name of the program is in parentheses and may have any, so what counts comes after the last one.
        guard let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = bytes[(end + 1)...].split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        // The first of them is the third of the file.
        guard fields.count > 21, let start = UInt64(String(decoding: fields[19], as: UTF8.self)),
            let pages = Int(String(decoding: fields[21], as: UTF8.self))
        else { return nil }
        return ProcessGlance(
            start: start, isZombie: fields[0].elementsEqual("Z".utf8),
            residentBytes: pages * MemoryCalls.pageSize)
    }
}
