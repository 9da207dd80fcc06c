/// A message that says who sent it and which one it is, and whose every byte can be checked.
enum Record {
    static let headerSize = 8
    /// The size of the records of a transport whose messages are smaller than a header.
    static let compactSize = 4
    /// The size of all records on a stream without boundaries, where the receiver must know it.
    static let streamSize = 64

    /// Random bytes, of which every record has another stretch. Copied, because making them anew would take longer than
    /// what the suite tests.
    private static let noise: [UInt8] = {
        var generator = SeededGenerator(seed: 0xB0D7)
        return generator.bytes(1 << 16)
    }()

    static func bytes(sender: Int, index: Int, size: Int) -> [UInt8] {
        if size < headerSize { return compact(sender: sender, index: index) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(max(size, headerSize))
        for number in [sender, index] {
            for position in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * position))) }
        }
        var start = (sender &* 31 &+ index &* 7 &+ size) & 0x7FFF
        while bytes.count < size {
            let end = min(noise.count, start + size - bytes.count)
            bytes += noise[start..<end]
            start = 0
        }
        return bytes
    }

    /// Where the largest message has no room for the header: both numbers in 4 bytes, 12 bits for the sender.
    private static func compact(sender: Int, index: Int) -> [UInt8] {
        let both = UInt32(sender & 0xFFF) << 20 | UInt32(index & 0xF_FFFF)
        return (0..<compactSize).map { UInt8(truncatingIfNeeded: both >> UInt32(8 * $0)) }
    }

    static func write(_ bytes: [UInt8], into span: inout OutputRawSpan) {
        for byte in bytes { span.append(byte) }
    }

    /// Who sent it and which one it is; nil when it is not a whole record.
    static func parse(_ bytes: [UInt8]) -> (sender: Int, index: Int)? {
        if bytes.count == compactSize {
            let both = (0..<compactSize).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
            return (both >> 20, both & 0xF_FFFF)
        }
        guard bytes.count >= headerSize else { return nil }
        var sender = 0
        var index = 0
        for position in 0..<4 {
            sender |= Int(bytes[position]) << (8 * position)
            index |= Int(bytes[4 + position]) << (8 * position)
        }
        return bytes == self.bytes(sender: sender, index: index, size: bytes.count) ? (sender, index) : nil
    }
}

extension ConformanceContext {
    /// The size of a record: mostly small, now and then one that takes several pages. One size on raw streams.
    func recordSize(_ generator: inout SeededGenerator) -> Int {
        guard guarantees.preservesBoundaries else { return Record.streamSize }
        guard guarantees.maximumMessageSize >= Record.headerSize else { return Record.compactSize }
        let most = generator.next() % 16 == 0 ? 9000 : 300
        return Int.random(in: Record.headerSize...max(min(guarantees.maximumMessageSize, most), 8), using: &generator)
    }

    /// A small record: the one size of all of a stream without boundaries.
    var smallSize: Int {
        guarantees.maximumMessageSize >= Record.streamSize ? Record.streamSize : Record.compactSize
    }

    /// A record that does not fit into the buffers of the kernel, if there may be one.
    var overflowingSize: Int {
        guarantees.preservesBoundaries ? min(guarantees.maximumMessageSize, 100_000) : Record.streamSize
    }

    /// A record that fills a channel soon.
    var bulkSize: Int {
        guarantees.preservesBoundaries ? min(guarantees.maximumMessageSize, 4096) : Record.streamSize
    }
}

/// Makes records of what arrives: a stream without boundaries delivers pieces.
struct Reassembler {
    private let keepsBoundaries: Bool
    private var rest: [UInt8] = []

    init(_ context: ConformanceContext) {
        keepsBoundaries = context.guarantees.preservesBoundaries
    }

    var isEmpty: Bool { rest.isEmpty }

    mutating func add(_ chunk: [UInt8]) -> [[UInt8]] {
        if keepsBoundaries { return [chunk] }
        rest += chunk
        var records: [[UInt8]] = []
        while rest.count >= Record.streamSize {
            records.append(Array(rest.prefix(Record.streamSize)))
            rest.removeFirst(Record.streamSize)
        }
        return records
    }
}

/// Who received what: every record whole, once, and in its sender's order.
struct Ledger {
    private let context: ConformanceContext
    private let isComplete: Bool
    private var seen: [Int: Set<Int>] = [:]
    private var last: [Int: Int] = [:]

    /// - Parameter isComplete: whether all records come to this ledger, so that none may be skipped.
    init(_ context: ConformanceContext, isComplete: Bool = true) {
        self.context = context
        self.isComplete = isComplete
    }

    var count: Int { seen.values.reduce(0) { $0 + $1.count } }
    var isLink: Bool { context.guarantees.topology == .link }

    mutating func take(_ bytes: [UInt8]) throws {
        guard let (sender, index) = Record.parse(bytes) else {
            throw context.failure("a whole message", "\(bytes.count) bytes that nobody sent like that")
        }
        let isNew = seen[sender, default: []].insert(index).inserted
        try context.expect(isNew, "each message once", "message \(index) of sender \(sender) again")
        let previous = last.updateValue(index, forKey: sender) ?? -1
        guard context.guarantees.isOrdered else { return }
        let isNext = isComplete ? index == previous + 1 : index > previous
        try context.expect(
            isNext, "message \(previous + 1) of sender \(sender)", "message \(index) after \(previous)")
    }

    /// Takes over what another ledger has.
    mutating func merge(_ other: Ledger) throws {
        for (sender, indices) in other.seen {
            let double = seen[sender, default: []].intersection(indices)
            try context.expect(double.isEmpty, "each message once", "messages \(double.sorted()) of \(sender) twice")
            seen[sender, default: []].formUnion(indices)
        }
    }

    /// Fails unless exactly the records below `count` of each sender arrived.
    func expect(_ count: Int, from senders: Int) throws {
        for sender in 0..<senders {
            let missing = Set(0..<count).subtracting(seen[sender] ?? [])
            try context.expect(
                missing.isEmpty && seen[sender]?.count == count, "\(count) messages of sender \(sender)",
                "\(seen[sender]?.count ?? 0), without \(missing.sorted().prefix(5))")
        }
        try context.expect(seen.count == senders, "\(senders) senders", "\(seen.count)")
    }
}
