import IPCSystem

/// Where everything lies in the file that both ends of a ring map. `Documentation/WireFormat.md` has the same.
///
/// ```
/// 0      header: magic, version, sizes                      written once, before anybody else sees the file
/// 4096   control of direction 0, of direction 1 at +1024    each word in a cache line pair of its own
/// 8192   slots of direction 0, then of direction 1          64 bytes each
///        data of direction 0, then of direction 1           mapped twice in a row
/// ```
///
/// Direction 0 is the one in which side 0, who made the memory, sends.
struct RingGeometry: Sendable, Equatable {
    static let magic: UInt64 = 0x474E_4952_4350_4973  // "sIPCRING", little-endian
    static let version: UInt32 = 1

    /// Bytes of a slot: a cache line.
    static let slotByteCount = 64
    /// The most bytes that fit into a slot beside its word.
    static let inlineLimit = 56
    static let dataLimits = 4096...(1 << 30)

    /// Bytes for messages in each direction, a power of two.
    let dataByteCount: Int
    /// Slots in each direction, a power of two.
    let slotCount: Int

    static func isPossible(dataByteCount: Int) -> Bool {
        dataLimits.contains(dataByteCount) && dataByteCount & (dataByteCount - 1) == 0
            && dataByteCount % MemoryCalls.pageSize == 0
    }

    /// The geometry for so many bytes of messages. One slot for each 256 bytes, within what is reasonable: for streams
    /// of small messages more would only fall out of the processor's cache.
    init(dataByteCount: Int) {
        self.dataByteCount = dataByteCount
        slotCount = min(max(dataByteCount / 256, 64), 4096)
    }

    static let controlOffset = 4096
    static let controlByteCount = 1024
    var slotsOffset: Int { 8192 }
    var slotsByteCount: Int { slotCount * Self.slotByteCount }
    /// Header, control and slots, which are mapped once.
    var fixedByteCount: Int { slotsOffset + 2 * slotsByteCount }
    func dataOffset(_ direction: Int) -> Int { fixedByteCount + direction * dataByteCount }
    /// The size of the file.
    var byteCount: Int { fixedByteCount + 2 * dataByteCount }

    /// Offsets within a direction's control, and in the header.
    enum Control {
        /// How many slots, and how many bytes of data, the receiver is done with. Written by the receiver alone.
        static let consumedSlots = 0
        static let consumedBytes = 8
        /// The receiver's bell.
        static let receiverBell = 256
        /// The sender's bell.
        static let senderBell = 512
    }

    enum Header {
        static let magic = 0
        static let version = 8
        static let slotCount = 12
        static let dataByteCount = 16
    }
}
