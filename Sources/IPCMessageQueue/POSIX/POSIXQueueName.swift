import IPCCore

/// The one place that says which names a POSIX queue can have. mq_overview(7).
enum POSIXQueueName {
    /// The name as the kernel takes it, without the slash.
    ///
    /// - Throws: `.invalidName`.
    static func bare(_ name: String) throws(IPCError) -> String {
        let problem: String? =
            if name.isEmpty || name == "/" {
                "the name is empty"
            } else if !name.hasPrefix("/") {
                "the name begins without a slash; write /\(name)"
            } else if name.utf8.dropFirst().contains(0x2F) {
                "the name has a second slash; there are no folders of queues"
            } else if name.utf8.contains(0) {
                "the name contains a zero byte"
            } else if name.utf8.count > 256 {
                "the name has \(name.utf8.count - 1) bytes after the slash, and 255 is the most"
            } else if name == "/." || name == "/.." {
                "the name is that of a folder"
            } else {
                nil
            }
        if let problem { throw IPCError(.invalidName, "name a POSIX queue: \(problem)", object: name) }
        return String(name.dropFirst())
    }
}
