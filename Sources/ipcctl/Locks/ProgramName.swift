import IPCSystem

/// What program a process runs. proc(5).
enum ProgramName {
    /// The file's name without its folder; what the process calls itself where the file is not for us to see; nil when the
    /// process is gone.
    static func of(_ processID: Int32) -> String? {
        if let path = try? FileCalls.destination(of: "/proc/\(processID)/exe"),
            let name = path.split(separator: "/").last
        {
            return String(name)
        }
        guard let own = try? TestingCalls.contents(of: "/proc/\(processID)/comm") else { return nil }
        return String(decoding: own.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
