import IPCSockets
import Synchronization

/// One client of the storm: writes numbered values under keys of its own and remembers what it was told.
///
/// For each key it knows which states are possible: the one that was acknowledged last, and those of the writes since whose
/// answers never came, because their worker died. A value that is read must be one of these, to the last byte.
final class StormClient {
    /// What it has done.
    struct Tally: Sendable {
        var writes = 0
        var acknowledged = 0
        var reads = 0
        var sentIncrements = 0
        var acknowledgedIncrements = 0
        var expired = 0
        var lostConnections = 0
        var faults: [String] = []

        static func += (sum: inout Tally, part: Tally) {
            sum.writes += part.writes
            sum.acknowledged += part.acknowledged
            sum.reads += part.reads
            sum.sentIncrements += part.sentIncrements
            sum.acknowledgedIncrements += part.acknowledgedIncrements
            sum.expired += part.expired
            sum.lostConnections += part.lostConnections
            sum.faults += part.faults
        }
    }

    private enum Step {
        case write(key: Int, number: Int)
        case delete(key: Int)
        case read(key: Int)
        case increment
        case writeBrief(number: Int)
        case readBrief
    }

    static let keyCount = 40
    private static let largeKeyCount = 2
    static let counter = "storm:counter"
    /// What is written with a time of 30 ms is gone after this.
    private static let brief = Duration.milliseconds(60)

    private let id: Int
    private let address: SocketAddress
    private let progress: Progress
    private var random: SystemRandomNumberGenerator
    /// The numbers of the values that are possible; nil for no value.
    private var possible: [[Int?]]
    private var number = 0
    private var lastCount: Int64 = 0
    private var brief: (numbers: [Int], since: ContinuousClock.Instant)?
    private(set) var tally = Tally()

    /// How many answers all clients have had, and whether they are to end.
    final class Progress: Sendable {
        private let answers = Atomic<Int>(0)
        private let hasEnded = Atomic<Bool>(false)

        var count: Int { answers.load(ordering: .relaxed) }

        var isOver: Bool { hasEnded.load(ordering: .relaxed) }

        func answer() { answers.wrappingAdd(1, ordering: .relaxed) }

        func end() { hasEnded.store(true, ordering: .relaxed) }
    }

    init(id: Int, address: SocketAddress, progress: Progress = Progress()) {
        self.id = id
        self.progress = progress
        self.address = address
        random = SystemRandomNumberGenerator()
        possible = Array(repeating: [nil], count: Self.keyCount)
    }

    private func key(_ index: Int) -> [UInt8] { Array("storm:\(id):\(index)".utf8) }
    private var briefKey: [UInt8] { Array("storm:\(id):brief".utf8) }
    private var ownCounter: [UInt8] { Array("storm:\(id):counter".utf8) }

    /// A value that differs from the next ones in every byte of its body. Some keys have large ones: to copy them takes long
    /// enough that many a worker is killed in the middle.
    private func value(_ key: Int, _ number: Int) -> [UInt8] {
        let length =
            (0..<Self.largeKeyCount).contains(key) ? 100_000 + number % 100_000 : (number &* 2_654_435_761) % 700
        return Array("\(id).\(key).\(number).".utf8)
            + [UInt8](repeating: 97 + UInt8(number % 26), count: length) + Array(".\(number)".utf8)
    }

    // MARK: The storm

    /// Until `end`, on as many connections as it takes.
    func run(until end: Deadline) async throws(IPCError) { try await run { end.hasPassed } }

    /// Until it is over, on as many connections as it takes.
    func run(until isOver: () -> Bool) async throws(IPCError) {
        while !isOver() {
            let client = try await RedisClient.connect(to: address, until: .after(.seconds(60)))
            do throws(IPCError) {
                while !isOver() {
                    try await exchange(client, pickBatch())
                }
            } catch {
                // What was on its way may have been done or not.
                guard [.peerClosed, .truncated].contains(error.code) else { throw error }
                tally.lostConnections += 1
            }
            client.close()
        }
    }

    /// A few different ones; or many additions, over which a worker has locks for most of its time.
    private func pickBatch() -> [Step] {
        guard Int.random(in: 0..<4, using: &random) > 0 else { return Array(repeating: .increment, count: 300) }
        return (0..<Int.random(in: 1...12, using: &random)).map { _ in pick() }
    }

    private func pick() -> Step {
        let isLarge = Int.random(in: 0..<8, using: &random) == 0
        let key = Int.random(in: isLarge ? 0..<Self.largeKeyCount : Self.largeKeyCount..<Self.keyCount, using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<9:
            number += 1
            return .write(key: key, number: number)
        case 9..<11: return .delete(key: key)
        case 11..<14: return .read(key: key)
        case 14..<18: return .increment
        default:
            // Read while it may be there and after, and written anew only then.
            if let brief, ContinuousClock.now - brief.since < Self.brief || Bool.random(using: &random) {
                return .readBrief
            }
            number += 1
            return .writeBrief(number: number)
        }
    }

    /// One batch. Answers count as they come; what had none when this throws is in doubt.
    private func exchange(_ client: RedisClient, _ steps: [Step]) async throws(IPCError) {
        var answered = 0
        let sent = ContinuousClock.now
        for step in steps { count(sent: step) }
        do throws(IPCError) {
            try await client.send(steps.map(words)) { index, reply in
                answered += 1
                progress.answer()
                take(reply, to: steps[index], sent: sent)
            }
        } catch {
            for step in steps[answered...] { doubt(step) }
            throw error
        }
    }

    private func words(_ step: Step) -> [[UInt8]] {
        switch step {
        case .write(let key, let number): [Array("SET".utf8), self.key(key), value(key, number)]
        case .delete(let key): [Array("DEL".utf8), self.key(key)]
        case .read(let key): [Array("GET".utf8), self.key(key)]
        case .increment: [Array("INCR".utf8), Array(Self.counter.utf8)]
        case .writeBrief(let number):
            [Array("SET".utf8), briefKey, value(-1, number), Array("PX".utf8), Array("30".utf8)]
        case .readBrief: [Array("GET".utf8), briefKey]
        }
    }

    private func count(sent step: Step) {
        switch step {
        case .write, .delete, .writeBrief: tally.writes += 1
        case .increment: tally.sentIncrements += 1
        case .read, .readBrief: tally.reads += 1
        }
    }

    private func doubt(_ step: Step) {
        switch step {
        case .write(let key, let number): possible[key].append(number)
        case .delete(let key): possible[key].append(nil)
        case .writeBrief(let number):
            brief = ((brief?.numbers ?? []) + [number], .now)
        case .read, .readBrief, .increment: break
        }
    }

    private func take(_ reply: RedisClient.Reply, to step: Step, sent: ContinuousClock.Instant) {
        switch (step, reply) {
        case (.write(let key, let number), .simple("OK")):
            possible[key] = [number]
            tally.acknowledged += 1
        case (.delete(let key), .number(let count)):
            // Whether there was something to delete must be possible, too.
            if !possible[key].contains(where: { ($0 != nil) == (count == 1) }) {
                fault("\(step) answered \(reply), possible was \(possible[key])")
            }
            possible[key] = [nil]
            tally.acknowledged += 1
        case (.read(let key), .bulk(let bytes)):
            let fitting = possible[key].filter { number in number.map { value(key, $0) } == bytes }
            if fitting.isEmpty {
                fault("\(step) read \(describe(bytes)), possible was \(possible[key])")
            } else {
                possible[key] = [fitting[0]]
            }
        case (.increment, .number(let count)):
            tally.acknowledgedIncrements += 1
            if count <= lastCount { fault("the counter went from \(lastCount) to \(count)") }
            lastCount = count
        case (.writeBrief(let number), .simple("OK")):
            brief = ([number], .now)
            tally.acknowledged += 1
        case (.readBrief, .bulk(let bytes)):
            if let bytes {
                let isKnown = brief?.numbers.contains { value(-1, $0) == bytes } ?? false
                // The question was sent after the time of everything that this client has written was over.
                let isOver = brief.map { sent - $0.since > Self.brief } ?? true
                if !isKnown || isOver { fault("the brief value \(describe(bytes)) is there, \(brief as Any)") }
            } else if brief != nil {
                tally.expired += 1
            }
        default: fault("\(step) was answered by \(reply)")
        }
    }

    private func describe(_ bytes: [UInt8]?) -> String {
        guard let bytes else { return "nothing" }
        return "\(bytes.count) bytes, \(String(decoding: bytes.prefix(40), as: UTF8.self))"
    }

    private func fault(_ text: String) {
        if tally.faults.count < 20 { tally.faults.append("client \(id): \(text)") }
    }

    // MARK: The end

    /// All keys have what they may have, and go. The last worker may still be killed meanwhile, or be replaced.
    func finish() async throws(IPCError) {
        let limit = Deadline.after(.seconds(60))
        while true {
            let client = try await RedisClient.connect(to: address, until: limit)
            defer { client.close() }
            do throws(IPCError) {
                try await exchange(client, (0..<Self.keyCount).map { .read(key: $0) })
                try await exchange(client, (0..<Self.keyCount).map { .delete(key: $0) })
                try await client.send([[Array("DEL".utf8), briefKey]]) { _, _ in }
                return
            } catch {
                guard [.peerClosed, .truncated].contains(error.code), !limit.hasPassed else { throw error }
                tally.lostConnections += 1
            }
        }
    }
}
