import IPCCore
import IPCParticipants
import IPCSharedMemory
import IPCSystem

/// What a shared queue is made for: the first 64 usable bytes of its region, written once before anybody can find it. Host
/// byte order.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 4 | bytes of a block |
/// | 4 | 4 | the most blocks that there can be |
/// | 8 | 4 | the most messages |
/// | 12 | 4 | the largest message in bytes |
/// | 16 | 4 | how often a message is given out; 0: without end |
/// | 20 | 4 | 0 bounded, 1 rendezvous, 2 growing |
/// | 24 | 4 | 1: each message has a checksum |
/// | 28 | 4 | blocks that have their room from the beginning |
struct QueueShape: Sendable, Equatable {
    static let layout = IPCSharedMemory.RegionLayout("swift-ipc.shared-queue", version: 1)
    /// Where the blocks begin: see ``QueueTable`` for what lies before.
    static let blocksOffset = 1024
    /// Bytes of the first block of a message before its contents, and of the others.
    static let headByteCount = 64
    static let linkByteCount = 16
    /// The step by which a growing queue grows.
    static let growth = 256 << 10

    let blockSize: Int
    let blockLimit: Int
    let messageLimit: Int
    let maximumMessageSize: Int
    let maximumDeliveries: Int
    let kind: UInt32
    let hasChecksums: Bool
    let initialBlocks: Int

    var isRendezvous: Bool { kind == 1 }
    var isGrowing: Bool { kind == 2 }
    var byteCount: Int { Self.blocksOffset + blockLimit * blockSize }
    var initialByteCount: Int { Self.blocksOffset + initialBlocks * blockSize }

    /// Blocks of a message of `count` bytes.
    @inline(__always)
    func blocks(for count: Int) -> Int {
        let first = blockSize - Self.headByteCount
        if count <= first { return 1 }
        let further = blockSize - Self.linkByteCount
        return 1 + (count - first + further - 1) / further
    }

    private static func fewest(_ size: Int, _ block: Int) -> Int {
        let first = block - headByteCount
        return size <= first ? 1 : 1 + (size - first + block - linkByteCount - 1) / (block - linkByteCount)
    }

    init(_ options: SharedQueueOptions, isFile: Bool) throws(IPCError) {
        func refuse(_ what: String) -> IPCError { IPCError(.invalidArgument, "make a shared queue: \(what)") }
        let (block, size) = (options.blockSize, options.maximumMessageSize)
        guard block >= 128, block % 64 == 0, block <= 1 << 20 else {
            throw refuse("blockSize is a multiple of 64 from 128 to 1 MiB")
        }
        guard (0...Int(Int32.max)).contains(size) else { throw refuse("maximumMessageSize is 0 to 2 GiB") }
        guard options.maximumDeliveries.map({ $0 > 0 && $0 < 1 << 30 }) ?? true else {
            throw refuse("maximumDeliveries is positive or nil")
        }
        guard (1...ParticipantLayout.maximumSlotCount).contains(options.maximumProcesses),
            options.memory.access == .readWrite
        else {
            throw refuse("it is for 1 to \(ParticipantLayout.maximumSlotCount) processes that read and write")
        }
        let largest = Self.fewest(size, block)
        var messages = Int(UInt32.max)
        let blocks: Int
        switch options.capacity {
        case .rendezvous:
            kind = 1
            // As many senders can offer at the same time; more wait in line.
            blocks = max(largest, min(64 * largest, (64 << 20) / block))
        case .bounded(let count, let byteCount):
            guard count > 0, count <= 1 << 30 else { throw refuse("a bounded queue holds 1 to 2^30 messages") }
            kind = 0
            messages = count
            let all = largest.multipliedReportingOverflow(by: count)
            let usual = all.overflow ? Int.max : min(all.partialValue, max(largest, (64 << 20) / block))
            blocks = byteCount.map { $0 / block } ?? usual
        case .growing(let byteCount):
            kind = 2
            blocks = byteCount / block
        }
        guard blocks >= largest, blocks < Int(Int32.max) else {
            throw refuse(
                "its memory must hold at least one message of \(size) bytes, \(largest * block) bytes of memory")
        }
        blockSize = block
        blockLimit = blocks
        messageLimit = messages
        maximumMessageSize = size
        maximumDeliveries = options.maximumDeliveries ?? 0
        hasChecksums = isFile
        initialBlocks = kind == 2 && !isFile ? min(blocks, max(largest, Self.growth / block)) : blocks
    }

    func write(to bytes: SharedBytes) {
        bytes.store(UInt32(blockSize), at: 0)
        bytes.store(UInt32(blockLimit), at: 4)
        bytes.store(UInt32(messageLimit), at: 8)
        bytes.store(UInt32(maximumMessageSize), at: 12)
        bytes.store(UInt32(maximumDeliveries), at: 16)
        bytes.store(kind, at: 20)
        bytes.store(UInt32(hasChecksums ? 1 : 0), at: 24)
        bytes.store(UInt32(initialBlocks), at: 28)
    }

    /// Reads what a found queue was made for: each word once, checked against the size of the region.
    init(reading bytes: SharedBytes, _ object: String) throws(IPCError) {
        func number(_ offset: Int) -> Int { Int(bytes.load(offset, as: UInt32.self)) }
        guard bytes.contains(0, Self.blocksOffset) else { throw Self.contradiction(object) }
        (blockSize, blockLimit, messageLimit) = (number(0), number(4), number(8))
        (maximumMessageSize, maximumDeliveries, kind) = (number(12), number(16), UInt32(number(20)))
        (hasChecksums, initialBlocks) = (number(24) & 1 == 1, number(28))
        guard (128...1 << 20).contains(blockSize), blockSize % 64 == 0, blockLimit > 0, blockLimit < Int(Int32.max),
            kind <= 2, messageLimit > 0, initialBlocks <= blockLimit, maximumMessageSize <= Int(Int32.max),
            Self.fewest(maximumMessageSize, blockSize) <= initialBlocks,
            Self.blocksOffset + blockLimit * blockSize <= bytes.byteCount
        else { throw Self.contradiction(object) }
    }

    /// In what it differs from another one, in words; nil when in nothing.
    func difference(from wanted: QueueShape) -> String? {
        func kindName(_ shape: QueueShape) -> String {
            shape.isRendezvous ? "a rendezvous" : shape.isGrowing ? "growing" : "bounded"
        }
        func limit(_ count: Int) -> String { count == 0 ? "without end" : "\(count) times" }
        if kind != wanted.kind { return "it is \(kindName(self)), not \(kindName(wanted))" }
        if maximumMessageSize != wanted.maximumMessageSize {
            return "its messages have up to \(maximumMessageSize) bytes, not \(wanted.maximumMessageSize)"
        }
        if messageLimit != wanted.messageLimit {
            return "it holds \(messageLimit) messages, not \(wanted.messageLimit)"
        }
        if maximumDeliveries != wanted.maximumDeliveries {
            return "a message is given out \(limit(maximumDeliveries)), not \(limit(wanted.maximumDeliveries))"
        }
        if blockSize != wanted.blockSize { return "its blocks have \(blockSize) bytes, not \(wanted.blockSize)" }
        if blockLimit != wanted.blockLimit {
            return "its messages take up to \(blockLimit * blockSize) bytes of memory, not "
                + "\(wanted.blockLimit * wanted.blockSize)"
        }
        return nil
    }

    /// Refuses a queue that is found and was made for something else than asked for.
    static func check(
        _ memory: SharedMemory, _ difference: String?, _ processes: Int, _ doing: String
    ) throws(IPCError) {
        let slots = memory.slotCount == processes ? nil : "it is for \(memory.slotCount) processes, not \(processes)"
        guard let text = difference ?? slots else { return }
        throw IPCError(
            .typeMismatch, "\(doing): \(text); open it as it is (.open), or remove it", object: memory.place.name)
    }

    private static func contradiction(_ object: String) -> IPCError {
        IPCError(
            .protocolViolation, "open a shared queue: its description contradicts itself; make it anew", object: object)
    }
}
