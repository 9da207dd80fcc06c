public import IPCSharedMemory

/// How much a ``SharedQueue`` holds, and so when `send` waits.
public enum SharedQueueCapacity: Sendable, Hashable {
    /// Nothing: `send` returns when a receiver has taken the message, and takes it back when its deadline passes first.
    case rendezvous
    /// This many messages, in so many bytes of memory; nil: as many bytes as that many messages of the largest size take,
    /// at most 64 MiB. `send` waits when either is full. The memory is taken when the queue is made.
    case bounded(messages: Int, byteCount: Int? = nil)
    /// As many messages as fit into that much memory, which is taken piece by piece as they come and not given back while
    /// the queue lives. In a file all of it is taken at once.
    case growing(maximumByteCount: Int)
}

/// How a ``SharedQueue`` is made. One that is found and was made with others is refused, unless it is just opened (`.open`): then
/// what was given when it was made holds.
public struct SharedQueueOptions: Sendable, Hashable {
    /// How much it holds.
    public var capacity: SharedQueueCapacity
    /// The largest message in bytes.
    public var maximumMessageSize: Int
    /// Memory is given out in blocks of this many bytes, a multiple of 64 from 128 on. A message takes one for its first
    /// `blockSize - 64` bytes, and another one for each further `blockSize - 16`. A little more than 64 bytes above the usual
    /// message is best.
    public var blockSize: Int
    /// How often a message is given out before it is put among the dead letters instead; nil: without end.
    public var maximumDeliveries: Int?
    /// How many processes can use it at the same time, at most 960.
    public var maximumProcesses: Int
    /// Permissions, owner and pages, as for any region.
    public var memory: SharedMemoryOptions

    /// 1,024 messages of up to 8 KiB in at most 4 MiB, five deliveries, 64 processes; change what differs.
    public init(
        capacity: SharedQueueCapacity = .bounded(messages: 1024, byteCount: 4 << 20), maximumMessageSize: Int = 8192,
        blockSize: Int = 256, maximumDeliveries: Int? = 5, maximumProcesses: Int = 64,
        memory: SharedMemoryOptions = SharedMemoryOptions()
    ) {
        self.capacity = capacity
        self.maximumMessageSize = maximumMessageSize
        self.blockSize = blockSize
        self.maximumDeliveries = maximumDeliveries
        self.maximumProcesses = maximumProcesses
        self.memory = memory
    }
}
