import IPCSharedMemory
import IPCSystem

/// What happened to each message, in a word of its own that every process writes, and counts of what must not be.
struct QueueStormRecord: Sendable {
    static let limit = 6 << 20
    static let started: UInt64 = 1
    static let sent: UInt64 = 2
    /// `send` threw: nobody may ever see it.
    static let refused: UInt64 = 4
    static let begun: UInt64 = 1 << 8
    static let received: UInt64 = 1 << 24
    private static let table = 4096

    let memory: SharedMemory

    func count(_ index: Int) throws -> SharedAtomic { try memory.atomic(at: index * 64) }
    func message(_ id: UInt64) throws -> SharedAtomic {
        try memory.atomic(at: Self.table + Int(id % UInt64(Self.limit)) * 8)
    }

    var next: SharedAtomic { get throws { try count(0) } }
    var torn: SharedAtomic { get throws { try count(2) } }
    /// Given twice without a mark.
    var unmarked: SharedAtomic { get throws { try count(3) } }
    /// Seen although `send` had thrown.
    var ghosts: SharedAtomic { get throws { try count(4) } }
    var disordered: SharedAtomic { get throws { try count(5) } }
    var late: SharedAtomic { get throws { try count(6) } }
    var again: SharedAtomic { get throws { try count(8) } }

    var faults: String? {
        get throws {
            let counts = [
                ("torn", try torn.load()), ("unmarked", try unmarked.load()), ("ghosts", try ghosts.load()),
                ("disordered", try disordered.load()), ("late", try late.load()),
            ]
            let bad = counts.filter { $0.1 > 0 }
            return bad.isEmpty ? nil : bad.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
        }
    }

    /// Nobody waits past its deadline, by more than a loaded machine explains.
    func look(at deadline: Deadline) throws {
        if MonotonicClock.nanoseconds > deadline.nanoseconds + 30_000_000_000 { try late.wrappingAdd(1) }
    }

    /// A message is its number, its sender, and bytes that follow from them.
    static func message(_ id: UInt64, _ sender: UInt64, _ count: Int) -> [UInt8] {
        var random = StormRandom(state: id)
        var words = [id, sender]
        for _ in 0..<count { words.append(random.next()) }
        return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } }
    }

    static func read(_ bytes: [UInt8]) -> (id: UInt64, sender: UInt64)? {
        guard bytes.count >= 16, bytes.count % 8 == 0 else { return nil }
        func word(_ index: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(bytes[index * 8 + $1]) << UInt64($1 * 8) }
        }
        let (id, sender) = (word(0), word(1))
        return bytes == message(id, sender, bytes.count / 8 - 2) ? (id, sender) : nil
    }

    /// Looks at a message that was given out.
    func look(_ bytes: [UInt8], deliveries: Int, last: inout [UInt64: UInt64]) throws -> UInt64? {
        guard let (id, sender) = Self.read(bytes) else {
            try torn.wrappingAdd(1)
            return nil
        }
        let before = try message(id).wrappingAdd(Self.begun).oldValue
        if before & Self.refused != 0 || before & Self.started == 0 { try ghosts.wrappingAdd(1) }
        if deliveries > 1 {
            try again.wrappingAdd(1)
        } else {
            if before >= Self.begun { try unmarked.wrappingAdd(1) }
            // Each sender sends odd and even numbers with different priorities.
            let stream = sender * 2 + id % 2
            // One that is not copied under the lock may have been out with a receiver whose time was over, for whom it is as if
            // he had not had it: others overtook it meanwhile, and it has no mark.
            if id <= last[stream] ?? 0, bytes.count <= 4096 { try disordered.wrappingAdd(1) }
            last[stream] = max(last[stream] ?? 0, id)
        }
        return id
    }
}
