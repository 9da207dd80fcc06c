import IPCCore
import IPCParticipants
import IPCSystem

/// The first 4,096 bytes of a region with a layout. All numbers are in host byte order.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 8 | magic, written last |
/// | 8 | 4 | version of this header |
/// | 12 | 4 | version of the layout |
/// | 16 | 8 | fingerprint |
/// | 24 | 8 | usable bytes |
/// | 32 | 8 | where they begin |
/// | 40 | 4 | slots for processes from 4,096 on: `ParticipantLayout` |
/// | 44 | 4 | flags: 1 kept when unused |
/// | 48 | 4 | process id of the maker, for people |
/// | 52 | 4 | bytes of the layout's name |
/// | 64 | 132 | words of the participants: `ParticipantLayout` |
/// | 256 | 64 | the layout's name |
/// | 320 | 128 | the type that it was made for, for people: up to the first zero byte |
enum RegionHeader {
    static let byteCount = ParticipantLayout.headerByteCount
    static let magic: UInt64 = 0x3130_4D48_5343_5049  // "IPCSHM01"
    static let formatVersion: UInt32 = 1

    private static let nameOffset = 256
    private static let contentOffset = 320
    private static let maximumContentLength = 128

    /// Where the usable bytes begin.
    static func payloadOffset(slotCount: Int) -> Int {
        let end = ParticipantLayout.byteCount(slotCount: slotCount)
        return (end + byteCount - 1) / byteCount * byteCount
    }

    /// What the header of a found region says, each word read once and checked against the size of its file.
    struct Contents {
        let layout: RegionLayout
        let payloadByteCount: Int
        let payloadOffset: Int
        let slotCount: Int
        let isKeptWhenUnused: Bool
        let creatorProcess: Int32
    }

    /// Writes everything but the magic into zeroed memory.
    static func write(
        _ layout: RegionLayout, payloadByteCount: Int, options: SharedMemoryOptions, to memory: SharedBytes
    ) {
        memory.store(formatVersion, at: 8)
        memory.store(layout.version, at: 12)
        memory.store(layout.fingerprint, at: 16)
        memory.store(UInt64(payloadByteCount), at: 24)
        memory.store(UInt64(payloadOffset(slotCount: options.slotCount)), at: 32)
        memory.store(UInt32(options.slotCount), at: 40)
        memory.store(UInt32(options.isKeptWhenUnused ? 1 : 0), at: 44)
        memory.store(ProcessFacts.processID, at: 48)
        let name = Array(layout.name.utf8)
        memory.store(UInt32(name.count), at: 52)
        memory.store(unsafe name.span.bytes, at: nameOffset)
        if let content = layout.content {
            memory.store(unsafe Array(content.utf8.prefix(maximumContentLength)).span.bytes, at: contentOffset)
        }
    }

    /// Makes the region one that can be opened.
    static func publish(_ memory: SharedBytes) { memory.word64(0).storeReleasing(magic) }

    static func isPublished(_ memory: SharedBytes) -> Bool { memory.word64(0).loadAcquiring() == magic }

    /// Reads the header of a region of `fileByteCount` bytes.
    static func read(
        _ memory: SharedBytes, fileByteCount: Int, _ object: String
    ) throws(IPCError) -> Contents {
        guard fileByteCount >= byteCount, isPublished(memory) else {
            throw IPCError(
                .wrongMagic, "open a region: it has no header; open it without a layout if it is plain memory",
                object: object)
        }
        let format = memory.load(8, as: UInt32.self)
        guard format == formatVersion else {
            throw IPCError(
                .wrongVersion, "open a region: expected header version \(formatVersion), found \(format)",
                object: object)
        }
        let slots = Int(memory.load(40, as: UInt32.self))
        let flags = memory.load(44, as: UInt32.self)
        let length = Int(memory.load(52, as: UInt32.self))
        guard slots <= ParticipantLayout.maximumSlotCount, length <= RegionLayout.maximumNameLength,
            let size = Int(exactly: memory.load(24, as: UInt64.self)),
            let offset = Int(exactly: memory.load(32, as: UInt64.self)),
            offset == payloadOffset(slotCount: slots), offset <= fileByteCount, size <= fileByteCount - offset
        else {
            throw IPCError(
                .protocolViolation,
                "open a region: its header contradicts itself; remove it and make it anew",
                object: object)
        }
        let name = String(decoding: memory.array(nameOffset, length), as: UTF8.self)
        var layout = RegionLayout(
            name, version: memory.load(12, as: UInt32.self), fingerprint: memory.load(16, as: UInt64.self))
        let content = memory.array(contentOffset, maximumContentLength).prefix { $0 != 0 }
        if !content.isEmpty { layout.content = String(decoding: content, as: UTF8.self) }
        return Contents(
            layout: layout, payloadByteCount: size, payloadOffset: offset, slotCount: slots,
            isKeptWhenUnused: flags & 1 != 0, creatorProcess: memory.load(48, as: Int32.self))
    }

    /// Refuses a region that is not what was expected, and says both.
    static func check(
        _ found: Contents, is expected: RegionLayout, byteCount: Int?, slotCount: Int, _ object: String
    ) throws(IPCError) {
        guard found.layout.name == expected.name, found.layout.fingerprint == expected.fingerprint else {
            throw IPCError(
                .typeMismatch,
                "open a region: expected \(expected.description), found \(found.layout.description)", object: object)
        }
        guard found.layout.version == expected.version else {
            throw IPCError(
                .wrongVersion,
                "open a region: expected version \(expected.version) of \(expected.name), found version \(found.layout.version)",
                object: object)
        }
        if let byteCount, byteCount != found.payloadByteCount {
            throw IPCError(
                .typeMismatch, "open a region: expected \(byteCount) bytes, found \(found.payloadByteCount)",
                object: object)
        }
        guard slotCount == 0 || found.slotCount > 0 else {
            throw IPCError(
                .typeMismatch, "open a region: expected slots for processes, found none", object: object)
        }
    }
}
