import IPCCore
import IPCSystem

/// The bytes of a broadcast: control words, slots for readers who hold the writer back, and a ring of records.
///
/// | offset | bytes | what | written by |
/// |---|---|---|---|
/// | 0 | 8 | tail: bytes that were ever published, the end of the last whole record | writer |
/// | 64 | 8 | oldest: where the oldest record begins that is still whole | writer |
/// | 128 | 4 | signal: changes with every publication, finish, and change of writer; readers sleep on it | writer |
/// | 132 | 4 | 1: the writer has finished | writer |
/// | 192 | 8 | bytes of the ring, a power of two | maker |
/// | 200 | 4 | reader slots; 0: lossy | maker |
/// | 256 | 4 | readers wait: the writer wakes only then (lossless) | readers, writer |
/// | 320 | 4 | writer waits | writer, readers |
/// | 324 | 4 | room: changes when a reader has read on while the writer waits; the writer sleeps on it | readers |
/// | 1024 | 64 each | slots: 8 bytes cursor, 4 bytes state (1: in use) | one reader each |
/// | 4096 | | the ring |
///
/// Positions count bytes and only grow; a position's place in the ring is its remainder. A record begins at a multiple of
/// 8: 4 bytes length, 4 bytes sequence number, then the bytes of the message, which may wrap around the end. At `tail` there
/// is a header too, with the number of the record that is to come.
@safe
struct BroadcastMemory: Sendable {
    static let ringOffset = 4096
    static let slotsOffset = 1024
    static let maximumSlots = (ringOffset - slotsOffset) / 64
    static let headerByteCount = BroadcastWords.headerByteCount
    static let capacities = 4096...(1 << 40)

    /// Where the words are in the region's payload.
    enum Offset {
        static let tail = 0
        static let oldest = 64
        static let signal = 128
        static let finished = 132
        static let capacity = 192
        static let slotCount = 200
        static let readersWait = 256
        static let writerWaits = 320
        static let room = 324
    }

    let region: SharedMemory
    let capacity: Int
    let slotCount: Int
    /// What the hot paths use.
    let words: BroadcastWords

    var isLossless: Bool { slotCount > 0 }
    /// A record takes at most a quarter of the ring, so that there is history beside it.
    var maximumMessageSize: Int { capacity / 4 - Self.headerByteCount }

    var tail: SharedWord64 { words.tail }
    var oldest: SharedWord64 { words.oldest }
    var signal: SharedWord32 { region.payload.word32(Offset.signal) }
    var finished: SharedWord32 { region.payload.word32(Offset.finished) }
    var readersWait: SharedWord32 { region.payload.word32(Offset.readersWait) }
    var writerWaits: SharedWord32 { words.writerWaits }
    var room: SharedWord32 { region.payload.word32(Offset.room) }

    static let layout = RegionLayout("swift-ipc.broadcast", version: 1)

    static func write(capacity: Int, slotCount: Int, to payload: SharedBytes) {
        payload.store(UInt64(capacity), at: Offset.capacity)
        payload.store(UInt32(slotCount), at: Offset.slotCount)
    }

    /// What a region holds, each word read once and checked against its size.
    init(_ region: SharedMemory) throws(IPCError) {
        let payload = region.payload
        guard payload.byteCount >= Self.ringOffset + Self.capacities.lowerBound,
            let capacity = Int(exactly: payload.word64(Offset.capacity).loadRelaxed()),
            Self.capacities.contains(capacity), capacity & (capacity - 1) == 0,
            payload.byteCount == Self.ringOffset + capacity
        else {
            throw IPCError(
                .protocolViolation, "open a broadcast: its header contradicts itself", object: region.place.description)
        }
        let slots = Int(payload.word32(Offset.slotCount).loadRelaxed())
        guard slots <= Self.maximumSlots else {
            throw IPCError(
                .protocolViolation,
                "open a broadcast: expected at most \(Self.maximumSlots) reader slots, found \(slots)",
                object: region.place.description)
        }
        self.region = region
        self.capacity = capacity
        slotCount = slots
        words = BroadcastWords(payload, ring: payload.slice(Self.ringOffset, capacity), isLossless: slots > 0)
    }

    /// Whether `oldest` and `tail` can be what they say.
    func isPlausible(oldest: UInt64, tail: UInt64) -> Bool {
        oldest & 7 == 0 && tail & 7 == 0 && tail &- oldest <= UInt64(capacity)
    }

    // MARK: Slots

    func cursor(_ slot: Int) -> SharedWord64 { region.payload.word64(Self.slotsOffset + slot * 64) }
    func slotState(_ slot: Int) -> SharedWord32 { region.payload.word32(Self.slotsOffset + slot * 64 + 8) }
    /// The byte that the reader of a slot claims for its life: see `ClaimCalls`.
    static func claimByte(_ slot: Int) -> UInt64 { 1 << 41 + UInt64(slot) }
}
