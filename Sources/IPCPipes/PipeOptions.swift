import IPCCore
import IPCSystem

/// How messages lie in a pipe.
public enum PipeFraming: Sendable, Hashable {
    /// None: bytes as they are, for talking to any program. What is received is what has arrived, not what was sent.
    case bytes
    /// Messages of any size up to the limit, from one writer (`Documentation/WireFormat.md`).
    case messages
    /// Messages of at most 4,064 bytes from any number of writers at once: each is written in one piece, which the
    /// kernel keeps whole up to PIPE_BUF (4,096 bytes). pipe(7).
    case messagesFromManyWriters
}

/// How a pipe is made.
public struct PipeOptions: Sendable, Hashable {
    /// How messages lie in the pipe. Both ends must agree.
    public var framing: PipeFraming
    /// The largest message in bytes, 16 MiB unless said otherwise.
    public var maximumMessageSize: Int
    /// The capacity of the pipe in bytes, rounded up by the kernel to pages; nil leaves it at 64 KiB. Above
    /// /proc/sys/fs/pipe-max-size (1 MiB) only a privileged process may go. fcntl(2) F_SETPIPE_SZ.
    public var capacity: Int?

    /// Options with the usual limits.
    public init(
        framing: PipeFraming = .messages,
        maximumMessageSize: Int = 16 << 20,
        capacity: Int? = nil
    ) {
        self.framing = framing
        self.maximumMessageSize = maximumMessageSize
        self.capacity = capacity
    }

    /// Gives a pipe the capacity that was asked for.
    func apply(to number: Int32) throws(IPCError) {
        guard let capacity else { return }
        try mapping("set the capacity of a pipe to \(capacity) bytes") { () throws(SystemCallError) in
            _ = try DescriptorCalls.setPipeCapacity(number, capacity)
        }
    }

    package var stream: StreamOptions {
        let framing: StreamFraming =
            switch self.framing {
            case .bytes: .none
            case .messages: .frames
            case .messagesFromManyWriters: .framesFromManyWriters
            }
        return StreamOptions(framing: framing, maximumMessageSize: maximumMessageSize)
    }
}
