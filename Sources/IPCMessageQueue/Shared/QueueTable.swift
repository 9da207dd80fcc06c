import IPCSystem

/// The memory of a shared queue as whoever has the lock sees it. Offsets in usable bytes; host byte order.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 64 | ``QueueShape`` |
/// | 128 | 32 | the lock |
/// | 256 | 64 | counts and the free list: see ``QueueWord`` |
/// | 320 | 64 | dead letters; the kernel's boot identifier |
/// | 384 | 40 | five lines of waiters (``WaitLines``), 8 bytes each: sequence, count |
/// | 448 | 512 | 64 priorities, 8 bytes each: first and last message |
/// | 1024 | | the blocks |
///
/// The first block of a message: state (8 bytes, see ``MessageState``), link to the next block (4), size (4), owner (8),
/// sequence number (8), type (8), priority (4), next (4) and previous message (4) of its list, at 56 a checksum (8), then
/// contents. Other blocks: zero (8), link (4), at 16 contents. A link is the index of a block plus 1; 0: none.
///
/// **The truth is in the states of first blocks**: each changes by one store, and nothing that it vouches for (link, size,
/// owner, number, type, priority, contents) changes until the next one. Lists, counts and free blocks are a cache, made anew
/// from the states when somebody died with the lock (`QueueTable+Recovery`). So it does not matter between which two
/// instructions a process dies:
///
/// | killed… | the state says | then |
/// |---|---|---|
/// | sending, before the store of `ready` | free, or filling by a dead one | the blocks are free again |
/// | after it, with the lock or without | ready | the message is there, once |
/// | receiving, before the store of `free` | ready, or leased by a dead one | it is given again, the latter counted |
/// | after it | free | it is received |
/// | with a lease | leased by a dead one | given again at its old place, counted; a dead letter at the limit |
/// | giving up without the lock (`abandon`) | leased or filling, by a dead one or nobody | as if it had died with it |
/// | before a wake-up | any | its death wakes everybody in the region |
/// | while it makes the cache anew | any | the next one does |
///
/// Every index from the memory is brought into bounds before use: whoever may write the region can break the queue, but
/// trap nobody.
struct QueueTable: Sendable {
    typealias Link = UInt32

    let bytes: SharedBytes
    let shape: QueueShape
    /// Who waits.
    let lines: WaitLines

    init(bytes: SharedBytes, shape: QueueShape) {
        (self.bytes, self.shape) = (bytes, shape)
        lines = WaitLines(bytes.slice(Self.linesOffset, 40), count: 5)
    }

    private static let linesOffset = 384
    static let lockOffset = 128
    static let priorities = 64

    // MARK: Words of the cache

    @inline(__always)
    func get(_ word: QueueWord) -> UInt32 { bytes.load(word.rawValue, as: UInt32.self) }
    @inline(__always)
    func set(_ word: QueueWord, _ value: UInt32) { bytes.store(value, at: word.rawValue) }
    @inline(__always)
    func add(_ word: QueueWord, _ value: Int32) { set(word, get(word) &+ UInt32(bitPattern: value)) }

    var nextSequence: UInt64 {
        get { bytes.load(288, as: UInt64.self) }
        nonmutating set { bytes.store(newValue, at: 288) }
    }
    var usedBytes: UInt64 {
        get { bytes.load(296, as: UInt64.self) }
        nonmutating set { bytes.store(newValue, at: 296) }
    }
    /// A bit for each priority that has messages.
    var priorityMask: UInt64 {
        get { bytes.load(304, as: UInt64.self) }
        nonmutating set { bytes.store(newValue, at: 304) }
    }
    /// Blocks with room: one word, changed when the room is there.
    var blockCount: UInt32 {
        get { min(bytes.word32(316).loadRelaxed(), UInt32(shape.blockLimit)) }
        nonmutating set { bytes.word32(316).storeReleasing(newValue) }
    }
    /// Blocks from here on were never used. Grows before the first use.
    var highWater: UInt32 {
        get { min(bytes.word32(312).loadRelaxed(), UInt32(shape.blockLimit)) }
        nonmutating set { bytes.word32(312).storeReleasing(newValue) }
    }
    var bootIdentifier: (UInt64, UInt64) {
        get { (bytes.word64(344).loadAcquiring(), bytes.word64(352).loadAcquiring()) }
        nonmutating set {
            bytes.word64(344).storeSequential(newValue.0)
            bytes.word64(352).storeSequential(newValue.1)
        }
    }

    func listHead(_ list: QueueList) -> SharedWord32 { bytes.word32(list.offset) }
    func listTail(_ list: QueueList) -> SharedWord32 { bytes.word32(list.offset + 4) }

    // MARK: Blocks

    /// Where a block begins. An index out of bounds, from a hostile writer, is taken for the last block.
    @inline(__always)
    func offset(_ link: Link) -> Int {
        QueueShape.blocksOffset + Int(min(link &- 1, UInt32(shape.blockLimit - 1))) * shape.blockSize
    }

    func state(_ link: Link) -> MessageState { MessageState(rawValue: bytes.word64(offset(link)).loadAcquiring()) }
    /// The one store that changes what is true of a message.
    func commit(_ link: Link, _ state: MessageState) { bytes.word64(offset(link)).storeReleasing(state.rawValue) }

    @inline(__always)
    func field(_ link: Link, _ field: MessageField) -> UInt32 {
        bytes.load(offset(link) + field.rawValue, as: UInt32.self)
    }
    @inline(__always)
    func setField(_ link: Link, _ field: MessageField, _ value: UInt32) {
        bytes.store(value, at: offset(link) + field.rawValue)
    }
    @inline(__always)
    func wide(_ link: Link, _ field: WideField) -> UInt64 { bytes.load(offset(link) + field.rawValue, as: UInt64.self) }
    @inline(__always)
    func setWide(_ link: Link, _ field: WideField, _ value: UInt64) {
        bytes.store(value, at: offset(link) + field.rawValue)
    }

    func size(_ link: Link) -> Int { min(Int(field(link, .size)), shape.maximumMessageSize) }
    func type(_ link: Link) -> Int { Int(truncatingIfNeeded: wide(link, .type)) }
    func priority(_ link: Link) -> Int { Int(field(link, .priority)) & (Self.priorities - 1) }

    func label(_ link: Link, deliveries: Int) -> QueueLabel {
        var label = QueueLabel(priority: priority(link), type: type(link))
        label.deliveryCount = deliveries
        return label
    }
}

/// Words of 32 bits in the cache.
enum QueueWord: Int {
    /// The first free block.
    case freeHead = 256
    /// Free blocks in the list.
    case freeCount = 260
    /// Messages that can be received.
    case depth = 264
    /// Messages in memory but for dead letters.
    case messages = 268
    /// The death count when the owners of messages were last looked at.
    case seenDeaths = 272
    /// Messages that have an owner: filling, offered, leased.
    case owned = 276
    /// Of those, leased.
    case leased = 280
    case deadLetters = 284
    /// Messages that were not whole after the machine had stopped.
    case damaged = 336
}

enum MessageField: Int {
    case next = 8
    case size = 12
    case priority = 40
    case nextMessage = 44
    case previousMessage = 48
}

enum WideField: Int {
    case owner = 16
    case sequence = 24
    case type = 32
    case checksum = 56
}

/// What is true of a message: 8 bits for what, and above them how often it has been given out.
struct MessageState: Equatable {
    enum Kind: UInt64 {
        /// No message begins here.
        case free = 0
        /// Its owner writes the contents.
        case filling
        /// For whoever asks.
        case ready
        /// The same, and its owner waits until somebody takes it.
        case offered
        /// Its owner has it, and may give it back.
        case leased
        /// Given out too often.
        case deadLetter
    }

    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }
    init(_ kind: Kind, deliveries: Int = 0) { rawValue = kind.rawValue | UInt64(deliveries) << 8 }

    /// What a hostile writer has made up is free.
    var kind: Kind { Kind(rawValue: rawValue & 0xff) ?? .free }
    var deliveries: Int { Int(rawValue >> 8 & 0xffff_ffff) }
    var isReceivable: Bool { kind == .ready || kind == .offered }
    var hasOwner: Bool { kind == .filling || kind == .offered || kind == .leased }
}

/// A list of messages: of one priority, or the dead letters.
struct QueueList {
    let offset: Int

    static func priority(_ number: Int) -> QueueList { QueueList(offset: 448 + number * 8) }
    static let deadLetters = QueueList(offset: 320)
}
