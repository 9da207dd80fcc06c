/// One process sends, any number receive every message: a ring in shared memory with one writer and readers that each have
/// a cursor of their own.
///
/// ```swift
/// // One process
/// let news = try Broadcast.Writer(at: .named("news"))
/// try await news.send(Array("it rains".utf8))
///
/// // Any number of others
/// let news = try Broadcast.Reader(at: .named("news"), from: .oldest)
/// for try await line in news.incoming { print(String(decoding: line, as: UTF8.self)) }
/// ```
///
/// | | lossy (the usual) | lossless |
/// |---|---|---|
/// | ring full | the oldest messages go; the writer never waits | the writer waits for the slowest live reader |
/// | a slow reader | misses messages, and is told how many | holds everybody up |
/// | a stopped reader (SIGSTOP) | misses messages | holds the writer up: give `send` a deadline |
/// | a dead reader | is nobody's concern | is found within 1.5 seconds, and holds nobody up any more |
/// | readers map the memory | for reading alone | for reading and writing |
/// | most readers | any number | ``Delivery/lossless(readers:)`` |
///
/// - **History.** What is still in the ring is there for a reader that comes late (`from: .oldest`).
/// - **Order.** Every reader sees the messages in the order in which they were sent, each once, whole or not at all,
///   whoever is killed and when.
/// - **End.** After the writer's `finish` a reader gets what is left and then nil; after its death or `close`, what is left
///   and then `.peerClosed` (the death is seen within 1.5 seconds). A new writer may then take the place over, and the same
///   readers receive what it sends.
/// - **One writer** at a time: a second one gets `.busy`. Whoever finds a new broadcast finds its writer, too, which is
///   there before the name.
/// - **Trust.** Readers copy each message out before anybody looks at it, and check what the memory says: no writer can make
///   them read elsewhere, or allocate more than their limit for a message (``Reader/maximumMessageSize``). Readers of a lossless broadcast can write to its memory, and so can disturb each other and the
///   writer, but not make them crash; take a lossy one where readers are not trusted, anonymous if they run as the same
///   user (its memory is sealed against all but the writer).
/// - **Cost.** A publication wakes readers with a system call of about a tenth of a microsecond, since those who may only
///   read cannot say that they sleep; `send(contentsOf:)` needs one for a whole batch. A lossless writer makes the call
///   only when somebody sleeps.
public enum Broadcast {
    /// What happens when the ring is full.
    public enum Delivery: Sendable, Hashable {
        /// The oldest messages go, and the writer never waits.
        case lossy
        /// The writer waits for the slowest of its live readers, of which there may be so many at a time: 1 to 48.
        case lossless(readers: Int)
    }
}

/// Where a reader of a ``Broadcast`` begins, and where it goes on after it missed messages.
///
/// Where it goes on is not a promise of the oldest message: a writer may overwrite that one before it is copied, again and
/// again, above all if messages are large. A reader that has tried for 50 milliseconds goes on with the newest one, and
/// counts what it missed (``Broadcast/Reader/lappedCount``).
public enum BroadcastStart: Sendable, Hashable {
    /// With the oldest message that is still there.
    case oldest
    /// With the next one that is sent.
    case newest
}

/// What a reader of a ``Broadcast`` finds next. See ``Broadcast/Reader/nextEvent(until:)``.
public enum BroadcastEvent: Sendable, Equatable {
    /// A message.
    case message([UInt8])
    /// So many messages were overwritten before this reader came to them. Only in a lossy broadcast.
    case lapped(UInt64)
}

/// How a ``Broadcast`` is made.
public struct BroadcastOptions: Sendable, Hashable {
    /// What happens when the ring is full.
    public var delivery: Broadcast.Delivery
    /// Bytes of the ring, a power of two from 4,096 on. A message takes its size and 8 bytes, rounded up to a multiple of
    /// 8, and at most a quarter of the ring.
    ///
    /// Readers of a lossless broadcast say how far they are once for many messages, and the writer gives room back in
    /// pieces: up to 1/32 of the ring, and a message, may count as unread that were read, until their reader comes back and
    /// finds nothing more.
    public var capacity: Int
    /// How the region is made.
    public var memory: SharedMemoryOptions

    /// Lossy, with a ring of 1 MiB; change what differs.
    public init(
        delivery: Broadcast.Delivery = .lossy, capacity: Int = 1 << 20,
        memory: SharedMemoryOptions = SharedMemoryOptions()
    ) {
        self.delivery = delivery
        self.capacity = capacity
        self.memory = memory
    }
}
