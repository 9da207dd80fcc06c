import IPCSharedMemory
import IPCSystem

/// What the processes of a storm know together: a word for each request, which says what became of it, and words for each process.
/// It lies in a file and outlives them all.
struct StormRecord: Sendable {
    /// More requests than a storm makes.
    static let limit = 1 << 23
    /// Places for callers, and as many for callees.
    static let places = 8
    private static let cells = 4096

    /// What is counted of a request, each in a byte of its word.
    enum Count: UInt64, Sendable {
        /// A handler was started for it, and returned what was asked for.
        case runs = 0, ends = 1
        /// What its caller was told.
        case answered = 2, notStarted = 3, unknown = 4
        /// Its handler called back.
        case backs = 5
        /// It may be done twice.
        case idempotent = 6
        /// It was answered with what was asked for.
        case succeeded = 7
    }

    let memory: SharedMemory

    init(in folder: String, _ intent: CreationIntent) throws {
        memory = try SharedMemory(
            at: .file("\(folder)/record"), intent, byteCount: Self.cells + Self.limit * 8)
    }

    private func word(_ index: Int) -> SharedAtomic {
        do {
            return try memory.atomic(at: index * 8)
        } catch {
            fatalError("\(error)")
        }
    }

    /// The number of the last request.
    var last: SharedAtomic { word(0) }
    /// Not 0: nobody is to ask anything more.
    var isPaused: SharedAtomic { word(1) }
    /// How many requests have come to an end.
    var outcomes: SharedAtomic { word(2) }
    /// How often somebody saw what must not be.
    var faults: SharedAtomic { word(3) }
    /// Requests that a caller waits for.
    func inFlight(_ place: Int) -> SharedAtomic { word(16 + place) }
    /// Handlers that run in a callee.
    func running(_ place: Int) -> SharedAtomic { word(32 + place) }
    /// Not 0: the callee is to end in order.
    func leave(_ place: Int) -> SharedAtomic { word(48 + place) }

    func add(_ count: Count, _ number: UInt64) {
        guard number > 0, number <= Self.limit else { return fault("a request with the number \(number)") }
        word(Self.cells / 8 + Int(number) - 1).wrappingAdd(1 << (8 * count.rawValue))
    }

    func counts(_ number: UInt64) -> StormCounts {
        StormCounts(word: word(Self.cells / 8 + Int(number) - 1).load())
    }

    /// A new request; nil when there is no room for more.
    func begin(isIdempotent: Bool = false) -> UInt64? {
        let number = last.wrappingAdd(1).newValue
        guard number <= Self.limit else { return nil }
        if isIdempotent { add(.idempotent, number) }
        return number
    }

    func fault(_ text: String) {
        faults.wrappingAdd(1)
        say("fault: \(text)")
    }
}

/// What became of a request.
struct StormCounts: CustomStringConvertible {
    let word: UInt64

    subscript(_ count: StormRecord.Count) -> Int { Int(word >> (8 * count.rawValue) & 255) }

    var outcomes: Int { self[.answered] + self[.notStarted] + self[.unknown] }

    /// What must not be; nil when all is well.
    var fault: String? {
        let mayRepeat = self[.idempotent] > 0
        if outcomes > 1 { return "it has ended \(outcomes) times" }
        if !mayRepeat, self[.runs] > 1 { return "it was run \(self[.runs]) times" }
        if !mayRepeat, self[.backs] > 1 { return "it was called back \(self[.backs]) times" }
        if self[.notStarted] > 0, self[.runs] > 0 { return "it was not started, and has run" }
        if self[.answered] > 0, self[.runs] == 0 { return "it was answered, and has not run" }
        if self[.succeeded] > 0, self[.ends] == 0 { return "it was answered, and its handler has not returned" }
        return nil
    }

    var description: String {
        "runs \(self[.runs]), ends \(self[.ends]), answered \(self[.answered]), not started \(self[.notStarted]), "
            + "unknown \(self[.unknown]), backs \(self[.backs]), idempotent \(self[.idempotent])"
    }
}

/// Numbers that can be had again from their seed.
struct StormRandom: Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
    mutating func isOneOf(_ count: Int) -> Bool { below(count) == 0 }
}
