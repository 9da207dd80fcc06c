import Glibc
import IPCSync
import IPCSystem

/// The record of a storm: a checksum over numbers that change with every turn.
struct StormRecord: PlainData {
    var values = InlineArray<24, UInt64>(repeating: 0)
    var sum: UInt64 = 0

    private var expected: UInt64 {
        var sum: UInt64 = 0
        for index in values.indices { sum = (sum ^ values[index]) &* 0x0000_0100_0000_01b3 }
        return sum
    }

    var isWhole: Bool { sum == expected }

    mutating func change() {
        for index in values.indices { values[index] = values[index] &* 3 &+ UInt64(index) &+ 1 }
        sum = expected
    }
}

/// Counts of a storm, in a region of their own.
struct StormTally {
    let memory: SharedMemory

    /// - Parameter path: of the storm's file.
    init(besides path: String, _ opening: CreationIntent = .create) throws {
        memory = try SharedMemory(at: .file("\(path)-tally"), opening, byteCount: 8192)
    }

    func word(_ index: Int) throws -> SharedAtomic { try memory.atomic(at: index * 64) }

    var progress: SharedAtomic { get throws { try word(0) } }
    var torn: SharedAtomic { get throws { try word(1) } }
    var intruders: SharedAtomic { get throws { try word(2) } }
    var reported: SharedAtomic { get throws { try word(3) } }
    var insider: SharedAtomic { get throws { try word(4) } }
    var points: SharedAtomic { get throws { try word(5) } }
    var passed: SharedAtomic { get throws { try word(6) } }
}

extension StormTally {
    /// A `StormPlace.State`.
    func state(_ place: Int) throws -> SharedAtomic { try word(8 + place) }
    /// The turns of a place.
    func beat(_ place: Int) throws -> SharedAtomic { try word(64 + place) }
    /// Counts that a storm uses as it likes, fewer than 40.
    func count(_ index: Int) throws -> SharedAtomic { try word(24 + index) }
}

/// Whether each place of a storm gets on, and the longest times that nobody did and that one did not.
struct StormPulse: CustomStringConvertible {
    /// Nanoseconds: more than a loaded machine keeps anybody waiting, and less than a hang.
    private static let limit: UInt64 = 30_000_000_000

    private let tally: StormTally
    private var beats: [UInt64]
    private var gaps: [UInt64]
    private var gap: UInt64 = 0
    private var lastLook = MonotonicClock.nanoseconds
    private var longestGap: UInt64 = 0
    private var longestOfOne: UInt64 = 0
    /// Beats that nobody is there for.
    private var absent: Range<Int> = 0..<0
    /// The turns of all at the last look.
    private(set) var turns: UInt64 = 0

    init(_ tally: StormTally, places: Int) {
        self.tally = tally
        beats = [UInt64](repeating: 0, count: places)
        gaps = beats
    }

    mutating func look(_ what: String) throws {
        // Time in which this process did not run either, says nothing.
        let now = MonotonicClock.nanoseconds
        let passed = min(now - lastLook, 20_000_000)
        lastLook = now
        let progress = try tally.progress.load()
        gap = progress == turns ? gap + passed : 0
        turns = progress
        longestGap = max(longestGap, gap)
        try require(gap < Self.limit, "\(what): nobody gets on")
        for place in beats.indices where !absent.contains(place) {
            let beat = try tally.beat(place).load()
            gaps[place] = beat == beats[place] ? gaps[place] + passed : 0
            beats[place] = beat
            longestOfOne = max(longestOfOne, gaps[place])
            try require(gaps[place] < Self.limit, "\(what): the process in place \(place) does not get on")
        }
    }

    /// Looks until all but those in `absent` have beaten so many times, without a disturbance. Each death wakes everybody and
    /// each newcomer stirs them, which hides what was lost; so nobody is killed here, and nobody comes for the absent ones.
    mutating func calm(_ count: UInt64, without absent: Range<Int>, _ what: String, _ tend: () throws -> Void) throws {
        self.absent = absent
        defer { self.absent = 0..<0 }
        let start = beats
        repeat {
            usleep(200)
            try tend()
            try look("\(what), in a calm")
        } while beats.indices.contains { !absent.contains($0) && beats[$0] < start[$0] + count }
    }

    var description: String {
        "longest gap \(longestGap / 1_000_000) ms, of one process \(longestOfOne / 1_000_000) ms"
    }
}
