import CIPC

/// The socket on which services say that they are ready. sd_notify(3), unix(7).
package enum NotifyCalls {
    /// A message and who sent it, as the kernel says.
    package struct Message: Sendable {
        package let text: String
        package let processID: Int32
        package let userID: UInt32
    }

    /// Longer messages count as none.
    private static let maximumSize = 4096

    /// A datagram socket with this abstract name.
    package static func open(_ name: String) throws(SystemCallError) -> OwnedDescriptor {
        let bytes = Array(name.utf8)
        let number = try unsafe bytes.withUnsafeBytes { raw in
            Result { () throws(SystemCallError) in
                // SAFETY: the name is as long as it says, and is copied before the call returns.
                try retrying(.socket) {
                    unsafe cipc_notify_open(raw.baseAddress!.assumingMemoryBound(to: CChar.self), raw.count)
                }
            }
        }.get()
        return OwnedDescriptor(owning: Int32(number))
    }

    /// Sends a message to `address` as NOTIFY_SOCKET has it: a path, or an abstract name after `@`.
    ///
    /// - Returns: false when the receiver's queue is full.
    package static func send(_ text: String, to address: String) throws(SystemCallError) -> Bool {
        let isAbstract = address.hasPrefix("@")
        let name = Array(isAbstract ? address.dropFirst().utf8 : address[...].utf8)
        let message = Array(text.utf8)
        let sent = try unsafe name.withUnsafeBytes { name in
            unsafe message.withUnsafeBytes { message in
                Result { () throws(SystemCallError) in
                    // SAFETY: both are as long as they say, and copied before the call returns.
                    try retryingUnlessBlocked(.sendmsg) {
                        unsafe cipc_notify_send(
                            name.baseAddress!.assumingMemoryBound(to: CChar.self), name.count, isAbstract ? 1 : 0,
                            message.baseAddress!, message.count)
                    }
                }
            }
        }.get()
        return sent != nil
    }

    /// The next message; nil when there is none. One that is too long has no text.
    package static func receive(_ number: Int32) throws(SystemCallError) -> Message? {
        var bytes = [UInt8](repeating: 0, count: maximumSize)
        var sender = cipc_credentials()
        let count = try unsafe bytes.withUnsafeMutableBytes { raw in
            Result { () throws(SystemCallError) in
                // SAFETY: the kernel writes at most as many bytes as the buffer has.
                try retryingUnlessBlocked(.recvmsg) {
                    unsafe cipc_notify_receive(number, raw.baseAddress!, raw.count, &sender)
                }
            }
        }.get()
        guard let count else { return nil }
        return Message(
            text: String(decoding: bytes.prefix(Int(count)), as: UTF8.self), processID: sender.process,
            userID: sender.user)
    }
}
