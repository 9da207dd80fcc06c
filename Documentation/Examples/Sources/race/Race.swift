import IPCProcess
import IPCSync

/// The lost update, its cures, and a death in the middle.
///
///     process A            process B          the number
///     load   → 7                                   7
///                          load   → 7              7
///     store 8                                      8
///                          store 8                 8   one addition is lost
///
/// The three steps of an addition (load, add, store) are a *critical section*: whoever is in it must be alone. A mutex sees
/// to that for any code; an atomic word makes the three steps one, and needs no lock for it.
struct Race {
    let processes: Int
    let additions: Int

    /// The sum, and what each process has added to it: changed together, so they always agree.
    struct Tally: PlainData {
        var sum: UInt64 = 0
        var parts = InlineArray<16, UInt64>(repeating: 0)

        var isWhole: Bool { sum == (0..<16).reduce(0) { $0 + parts[$1] } }
    }

    static let kinds = ["plain", "mutex", "atomic"]

    func run() async throws {
        for kind in Self.kinds {
            let sum = try await withMemory { name in
                let children = try await start(kind, name)
                for child in children {
                    guard try await child.exitStatus().isSuccess else { throw Failed("a process failed") }
                }
                return try await Self.sum(kind, name)
            }
            let expected = processes * additions
            print("\(kind): \(processes) times \(additions) additions made \(sum), \(expected - sum) lost")
        }
        try await killOne()
    }

    /// One process is killed with SIGKILL somewhere in the middle, with the mutex or without.
    private func killOne() async throws {
        try await withMemory { name in
            let children = try await start("mutex", name)
            let tally = try await ProcessMutex(at: .named("\(name)-mutex"), .openOrCreate, initial: Tally())
            while try await tally.withLock({ $0.parts[0] }) < UInt64(additions / 4) {
                try await Task.sleep(for: .microseconds(100))
            }
            _ = try await children[0].kill()
            for child in children.dropFirst() { _ = try await child.exitStatus() }
            let end = try await tally.withLock { $0 }
            print("killed: the first process had made \(end.parts[0]) of \(additions) additions,")
            print("the others \(end.sum - end.parts[0]); the sum is \(end.sum): \(end.isWhole ? "whole" : "torn")")
        }
    }

    private func start(_ kind: String, _ name: String) async throws -> [ChildProcess] {
        // Everybody begins at once, or the first would be done before the last one is there.
        let region = try await SyncRegion(at: .named("\(name)-start"), .openOrCreate)
        let ready = try region.latch("ready", count: processes)
        let start = try region.event("start", .manual)
        start.reset()
        var children: [ChildProcess] = []
        for index in 0..<processes {
            let arguments = ["add", kind, name, "\(additions)", "\(index)"]
            children.append(try await ChildProcess.spawn(.current, arguments: arguments))
        }
        try await ready.wait(until: .after(.seconds(60)))
        start.set()
        return children
    }

    private static func sum(_ kind: String, _ name: String) async throws -> Int {
        if kind == "mutex" {
            let tally = try await ProcessMutex(at: .named("\(name)-mutex"), .open, initial: Tally())
            return Int(try await tally.withLock { $0.sum })
        }
        return Int(try SharedMemory(at: .named("\(name)-word"), .open).atomic(at: 0).load())
    }

    /// Names for the memory of one run, which are gone after it.
    private func withMemory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let name = "race-\(UInt64.random(in: 0 ... .max))"
        _ = try SharedMemory(at: .named("\(name)-word"), .create, byteCount: 64)
        defer { for part in ["word", "mutex", "start"] { try? SharedMemory.remove(.named("\(name)-\(part)")) } }
        return try await body(name)
    }

    // MARK: In the other processes

    /// KIND NAME ADDITIONS INDEX
    static func add(_ arguments: [String]) async throws {
        let (kind, name) = (arguments[0], arguments[1])
        guard let additions = Int(arguments[2]), let index = Int(arguments[3]) else { throw Failed("not a number") }
        let region = try await SyncRegion(at: .named("\(name)-start"), .open)
        let memory = try SharedMemory(at: .named("\(name)-word"), .open)
        let word = try memory.atomic(at: 0)
        let tally = try await ProcessMutex(at: .named("\(name)-mutex"), .openOrCreate, initial: Tally())
        try region.latch("ready", .open, count: 0).countDown()
        try await region.event("start", .manual, .open).wait()
        for _ in 0..<additions {
            switch kind {
            case "plain":
                // Three steps: between the load and the store another process does the same.
                try memory.store(try memory.load(at: 0, as: UInt64.self) + 1)
            case "atomic":
                // One step, which nobody can come into.
                word.wrappingAdd(1)
            default:
                // Any number of steps: nobody else is in here meanwhile.
                try await tally.withLock { tally in
                    tally.sum += 1
                    tally.parts[index] += 1
                }
            }
        }
    }

    struct Failed: Error, CustomStringConvertible {
        let description: String

        init(_ description: String) { self.description = description }
    }
}
