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
}
