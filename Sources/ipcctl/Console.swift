import IPCMessageQueue
import IPCSystem

/// Where the program talks to people.
enum Console {
    /// A line on standard error.
    static func complain(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        unsafe bytes.withUnsafeBytes { bytes in
            // Nobody is left to tell when standard error cannot be written.
            _ = try? unsafe DescriptorCalls.write(2, bytes)
        }
    }

    /// Bytes on standard output, all of them.
    static func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = try mapping("write standard output") { () throws(SystemCallError) in
                try unsafe rest.withUnsafeBytes { bytes in
                    Result { () throws(SystemCallError) in try unsafe DescriptorCalls.write(1, bytes) }
                }.get()
            }
            guard let written else {
                // Somebody has made it non-blocking.
                try mapping("write standard output") { () throws(SystemCallError) in
                    try DescriptorCalls.setNonblocking(1, false)
                }
                continue
            }
            rest = rest.dropFirst(written)
        }
    }
}
