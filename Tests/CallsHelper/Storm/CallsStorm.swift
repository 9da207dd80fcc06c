import Glibc
import IPCDistributed
import IPCProcess
import IPCSharedMemory
import IPCSystem

/// `calls-storm FOLDER SECONDS SEED KIND [orderly]`: callers ask callees, each a process of its own, numbered requests of every
/// sort, while one of them is killed every 20 to 50 milliseconds, some stand still for a while, and some read half of what they
/// are sent. KIND is what the connections run over. With `orderly` no callee is killed: they are told to leave.
///
/// What must hold: each request ends once, and its caller is told the truth about what became of it (`StormCounts`); what may not be
/// done twice is not; nobody waits for ever; no handler runs for somebody who is gone; no descriptor, process or name is left.
struct CallsStorm {
    private static let callers = 3
    private static let callees = 3
    /// Nanoseconds: more than a loaded machine takes for anything here, and less than a hang.
    private static let patience = Duration.seconds(90)

    private let folder: String
    private let kind: StormKind
    private let isOrderly: Bool
    private let seconds: Int
    private let record: StormRecord
    private var random: StormRandom
    private var places: [StormPlace] = []
    private var kills = 0
    private var stops = 0
    private var leaves = 0
    /// Requests whose callers died.
    private var lost: UInt64 = 0
    private var checked: UInt64 = 0
    private var seen = Seen()
    private var pulse: (outcomes: UInt64, until: Deadline) = (0, .after(Self.patience))

    private struct Seen {
        var outcomes = 0
        var answered = 0
        var notStarted = 0
        var unknown = 0
        var unended: UInt64 = 0
    }

    static func run(_ arguments: [String]) async throws {
        // The end of all patience: the children die with this process.
        alarm(UInt32(Int(arguments[1])! + 400))
        let before = try descriptors(of: "self")
        var storm = try CallsStorm(arguments)
        do {
            try await storm.rage()
        } catch {
            await storm.giveUp()
            throw error
        }
        _ = unsafe unlink("\(arguments[0])/record")
        let names = try DirectoryCalls.names(in: arguments[0]).names
        try require(names.isEmpty, "left behind: \(names)")
        storm.places = []
        // Some that this library keeps once it has been used, and the record.
        try await storm.wait("descriptors are left behind") { (try? descriptors(of: "self")) ?? 0 <= before + 8 }
        var found = unsafe siginfo_t()
        try require(
            unsafe waitid(P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT) != 0, "a process is left behind")
    }

    private init(_ arguments: [String]) throws {
        folder = arguments[0]
        seconds = Int(arguments[1])!
        random = StormRandom(state: UInt64(arguments[2]) ?? 1)
        guard let kind = StormKind(rawValue: arguments[3]) else { throw Wrong("a storm over \(arguments[3])") }
        self.kind = kind
        isOrderly = arguments.last == "orderly"
        record = try StormRecord(in: folder, .create)
    }

    private mutating func rage() async throws {
        for place in 0..<Self.callees { places.append(try await start(.callee, place)) }
        let room = try await measureRoom()
        for place in 0..<Self.callers { places.append(try await start(.caller, place)) }
        // Who stops in order waits for those who do not read, for as long as it has time.
        if !isOrderly { places.append(try await start(.halfReader, Self.callers)) }
        let over = Deadline.after(.seconds(seconds))
        var turns = 0
        while !over.hasPassed, record.last.load() < UInt64(StormRecord.limit / 10 * 9) {
            let next = Deadline.after(.milliseconds(20 + random.below(31)))
            try await strike()
            if let rest = next.remaining { try await Task.sleep(for: rest) }
            turns += 1
            try lookAtPulse()
            if turns % 200 == 0 { try await calm(room) }
        }
        try await calm(room, isLast: true)
        for index in places.indices where places[index].role == .callee { try await end(index) }
        try check(upTo: record.last.load(), from: 0)
        say(
            "\(kind.rawValue)\(isOrderly ? ", orderly" : ""): \(kills) kills, \(leaves) orderly ends, \(stops) stops, "
                + "\(record.last.load()) requests: \(seen.answered) answered, \(seen.notStarted) not started, "
                + "\(seen.unknown) in doubt or given up, \(seen.unended) whose callers died; 0 faults")
    }

    /// Kills one, stops one, or lets one go on.
    private mutating func strike() async throws {
        for index in places.indices where places[index].isOver { try await goOn(index) }
        for index in places.indices where try places[index].hasLeft() { try await replace(index) }
        let index = random.below(places.count)
        guard !places[index].isStopped, !places[index].isLeaving else { return }
        if isOrderly, places[index].role == .callee, random.isOneOf(2) {
            record.leave(places[index].place).store(1)
            places[index].isLeaving = true
        } else if random.isOneOf(4) {
            try places[index].stop(for: .milliseconds(10 + random.below(300)), kills: random.isOneOf(3))
            stops += 1
        } else if !(isOrderly && places[index].role == .callee) {
            try await replace(index)
        }
    }

    /// A process that has stood still goes on, or is killed as it stands.
    private mutating func goOn(_ index: Int) async throws {
        let isKilled = places[index].isKilledThen
        if isKilled, !(isOrderly && places[index].role == .callee) {
            try await replace(index)
        } else {
            try places[index].goOn()
        }
    }

    private mutating func replace(_ index: Int) async throws {
        try await end(index)
        places[index] = try await start(places[index].role, places[index].place)
    }

    /// Ends one: a callee in order where that is asked for, else by SIGKILL.
    private mutating func end(_ index: Int) async throws {
        let (role, place, child) = (places[index].role, places[index].place, places[index].child)
        let isOver = record.isPaused.load() != 0
        if role == .callee, isOrderly || isOver {
            if places[index].isStopped { try places[index].goOn() }
            record.leave(place).store(1)
            let status = try await child.exitStatus(until: .after(Self.patience))
            try require(status == .exited(0), "a callee that was to leave ended with \(status)")
            leaves += 1
        } else {
            let status = try await child.kill()
            try require(status == .signaled(.kill, coreDumped: false), "\(role) \(place) ended with \(status)")
            kills += 1
        }
        switch role {
        case .callee: record.running(place).store(0)
        case .caller, .halfReader: lost += record.inFlight(place).exchange(0)
        }
        record.leave(place).store(0)
    }

    private mutating func start(_ role: StormPlace.Role, _ place: Int) async throws -> StormPlace {
        let arguments = [
            role.rawValue, folder, kind.rawValue, "\(place)", "\(Self.callees)", "\(random.next() >> 1)",
            isOrderly ? "orderly" : "killed",
        ]
        return try await StormPlace(role, place, arguments)
    }

    /// Everybody comes to rest: what was asked ends, handlers end, and nothing is left of connections that have ended.
    private mutating func calm(_ room: Int, isLast: Bool = false) async throws {
        record.isPaused.store(1)
        for index in places.indices where places[index].isStopped { try places[index].goOn() }
        for index in places.indices where places[index].isLeaving { try await replace(index) }
        try await wait("a request has no end") { (0..<Self.callers).allSatisfy { record.inFlight($0).load() == 0 } }
        for index in places.indices where places[index].role != .callee { try await end(index) }
        try await wait("a handler runs on for a caller that is gone") {
            (0..<Self.callees).allSatisfy { record.running($0).load() == 0 }
        }
        let last = record.last.load()
        try check(upTo: last, from: checked)
        checked = last
        for index in places.indices where places[index].role == .callee {
            // It may have been started a moment ago.
            _ = try await reach(places[index].place)
            let process = "\(places[index].child.processID)"
            try await wait("a callee keeps descriptors") { (try? Self.descriptors(of: process)) ?? 0 <= room }
        }
        guard !isLast else { return }
        record.isPaused.store(0)
        for index in places.indices where places[index].role != .callee {
            places[index] = try await start(places[index].role, places[index].place)
        }
        pulse = (record.outcomes.load(), .after(Self.patience))
    }

    /// How many descriptors a callee has that has served somebody, and serves nobody.
    private func measureRoom() async throws -> Int {
        var rooms: [Int] = []
        for place in places {
            let channel = try await reach(place.place)
            let connection = try CallConnection(over: channel)
            guard let number = record.begin(isIdempotent: true) else { throw Wrong("no room for a request") }
            _ = try await connection.call(AskAgain(number: number), until: .after(Self.patience))
            record.add(.answered, number)
            let process = "\(place.child.processID)"
            let connected = try Self.descriptors(of: process)
            connection.close()
            try await wait("a connection keeps its descriptor") {
                (try? Self.descriptors(of: process)) ?? 0 < connected
            }
            rooms.append(try Self.descriptors(of: process))
        }
        // The listener of a callee that has never refused anybody, and what its runtime has opened meanwhile.
        return (rooms.max() ?? 0) + 2
    }

    /// A connection to a callee that may not listen yet.
    private func reach(_ callee: Int) async throws -> any ByteChannel {
        let end = Deadline.after(Self.patience)
        while true {
            do throws(IPCError) {
                return try await kind.connect(folder, callee, until: end)
            } catch {
                if end.hasPassed { throw error }
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private mutating func check(upTo last: UInt64, from first: UInt64) throws {
        if first == 0 { seen = Seen() }
        var number = first
        while number < last {
            number += 1
            let counts = record.counts(number)
            if let fault = counts.fault { throw Wrong("request \(number): \(fault) (\(counts))") }
            seen.answered += counts[.answered]
            seen.notStarted += counts[.notStarted]
            seen.unknown += counts[.unknown]
            if counts.outcomes == 0 { seen.unended += 1 }
        }
        try require(
            seen.unended <= lost, "\(seen.unended) requests have no end, and \(lost) were lost with their callers")
        try require(record.faults.load() == 0, "\(record.faults.load()) faults")
    }

    private mutating func lookAtPulse() throws {
        try require(record.faults.load() == 0, "\(record.faults.load()) faults")
        let outcomes = record.outcomes.load()
        if outcomes != pulse.outcomes { pulse = (outcomes, .after(Self.patience)) }
        try require(!pulse.until.hasPassed, "nobody gets on")
    }

    private func wait(_ what: String, _ isSo: () -> Bool) async throws {
        let end = Deadline.after(Self.patience)
        while !isSo() {
            try require(!end.hasPassed, "\(what): \(state)")
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private var state: String {
        let flying = (0...Self.callers).map { "\(record.inFlight($0).load())" }.joined(separator: " ")
        let running = (0..<Self.callees).map { "\(record.running($0).load())" }.joined(separator: " ")
        return "in flight \(flying); handlers \(running); \(record.outcomes.load()) of \(record.last.load()) ended"
    }

    private func giveUp() async {
        for place in places { _ = try? await place.child.kill() }
    }

    /// How many descriptors a process has, without the timers of the Swift runtime.
    private static func descriptors(of process: String) throws -> Int {
        let folder = "/proc/\(process)/fd"
        return try DirectoryCalls.names(in: folder).names.filter {
            guard let target = try? FileCalls.destination(of: "\(folder)/\($0)") else { return false }
            return !target.contains("timerfd")
        }.count
    }
}
