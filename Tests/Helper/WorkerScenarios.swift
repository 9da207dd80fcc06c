import Glibc
import IPCWorkers
import Synchronization

let workerScenarios: [String: Scenario] = [
    "pool-churn": poolChurn,
    "pool-and-stay": poolAndStay,
    "pool-without-serve": poolWithoutServe,
    "typed-errors": typedErrors,
    "kill-storm": killStorm,
]

/// Every type but `NotServed`.
func serveTasks() async throws {
    try await Worker.serveIfSpawned(
        Noop.self, Square.self, Nap.self, WaitForFile.self, Burn.self, Echo.self, WorkerProcessID.self, Crash.self,
        CrashOnce.self,
        TypedThrow.self, ThrowOne.self, WaitForCancellation.self, Recursion.self, Leftovers.self, StartChild.self,
        Complain.self, Stamp.self)
}

/// `pool-churn COUNT`: pools that end well, by an error, by cancellation and with crashes; then no child and no descriptor
/// may be left. The workers are this program.
private func poolChurn(_ arguments: [String]) async throws -> Int32 {
    try await usePool(0)
    try await Task.sleep(for: .milliseconds(50))
    let before = openDescriptors().count
    for round in 0..<(Int(arguments[0]) ?? 0) { try await usePool(round % 4) }
    try require(!hasChildren(), "children are left")
    for _ in 0..<200 where openDescriptors().count > before { try await Task.sleep(for: .milliseconds(10)) }
    try require(openDescriptors().count <= before, "\(openDescriptors().count) descriptors instead of \(before)")
    return 0
}

private func usePool(_ kind: Int) async throws {
    switch kind {
    case 0:
        let sum = try await withWorkerPool(of: .exactly(2)) { pool in
            try await pool.map((1...100).lazy.map { Square(value: $0) }).reduce(0, +)
        }
        try require(sum == 338_350, "the sum is \(sum)")
    case 1:
        do {
            try await withWorkerPool(of: .exactly(2)) { pool in
                _ = try await pool.run(Noop())
                throw Wrong("on purpose")
            }
        } catch is Wrong {}
    case 2:
        let task = Task {
            try await withWorkerPool(of: .exactly(2)) { pool in try await pool.run(Nap(milliseconds: 600_000)) }
        }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        let result = await task.result
        try require((try? result.get()) == nil, "a cancelled pool gave a result")
    default:
        try await withWorkerPool(of: .exactly(2)) { pool in
            let error = await thrown { try await pool.run(Crash(way: .kill)) } as? IPCError
            try require(error?.code == .workerCrashed, "\(String(describing: error))")
            try require(try await pool.run(Square(value: 3)) == 9, "the replaced worker is wrong")
        }
    }
}

private func thrown<Result>(_ body: () async throws -> Result) async -> (any Error)? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// Tells the process ids of two busy workers and stays until it is killed.
private func poolAndStay(_ arguments: [String]) async throws -> Int32 {
    try await withWorkerPool(of: .exactly(2)) { pool in
        var processes: Set<Int32> = []
        while processes.count < 2 {
            async let first = pool.run(WorkerProcessID())
            async let second = pool.run(WorkerProcessID())
            processes = try await [first, second]
        }
        say(processes.map { "\($0)" }.joined(separator: " "))
        async let burning = pool.run(Burn(milliseconds: 600_000))
        async let napping = pool.run(Nap(milliseconds: 600_000))
        _ = try await (burning, napping)
        return 0
    }
}

/// A program that opens a pool of itself and does not serve. Started with `no-serve`, which main sees before it serves.
private func poolWithoutServe(_ arguments: [String]) async throws -> Int32 {
    let options = WorkerPoolOptions(
        arguments: ["pool-without-serve"], environment: .inherit.updating(["HELPER_SERVES_NOT": "1"]),
        standardError: .discarded)
    return await withWorkerPool(of: .exactly(2), options: options) { pool in
        let error = await thrown { try await pool.run(Noop()) } as? IPCError
        say("\(error.map { "\($0.code)" } ?? "no error")")
        return error == nil ? 0 : 3
    }
}

/// Errors of tasks that are this program's own types.
private func typedErrors(_ arguments: [String]) async throws -> Int32 {
    try await withWorkerPool(of: .exactly(1)) { pool async throws in
        let typed = await thrown { try await pool.run(TypedThrow(number: 4)) }
        try require(typed as? Fault == Fault(number: 4), "\(String(describing: typed))")
        let listed = await thrown { try await pool.run(ThrowOne(kind: .listed)) }
        try require(listed as? OtherFault == OtherFault(reason: "listed"), "\(String(describing: listed))")
        let unlisted = await thrown { try await pool.run(ThrowOne(kind: .unlisted)) } as? IPCError
        try require(unlisted?.code == .taskFailed, "\(String(describing: unlisted))")
    }
    return 0
}

/// `kill-storm COUNT MILLISECONDS FILE`: numbered tasks while a worker is killed again and again. Each is started at most
/// once and has one outcome; only a task that was started fails, and not more of them than there were kills.
private func killStorm(_ arguments: [String]) async throws -> Int32 {
    let count = Int32(arguments[0]) ?? 0
    let pause = Int(arguments[1]) ?? 0
    let file = arguments[2]
    unsafe close(open(file, O_CREAT, 0o600))
    final class Storm: Sendable {
        let victim = Atomic<Int32>(0)
        let isOver = Atomic<Bool>(false)
    }
    let storm = Storm()
    let killer = Task.detached {
        var kills = 0
        while !storm.isOver.load(ordering: .relaxed) {
            try await Task.sleep(for: .milliseconds(pause))
            let process = storm.victim.exchange(0, ordering: .relaxed)
            if process != 0, kill(process, SIGKILL) == 0 { kills += 1 }
        }
        return kills
    }
    let options = WorkerPoolOptions(restartLimit: .init(count: 100_000, in: .seconds(10)))
    let failed = try await withWorkerPool(of: .exactly(3), options: options) { pool async throws in
        var failed: Set<Int32> = []
        var next = 0
        let tasks = (0..<count).lazy.map { Stamp(file: file, number: $0, microseconds: Int($0 % 7) * 20) }
        for try await outcome in pool.outcomes(of: tasks) {
            try require(outcome.index == next, "outcome \(outcome.index) instead of \(next)")
            next += 1
            switch outcome.result {
            case .success(let process):
                storm.victim.store(process, ordering: .relaxed)
            case .failure(let error):
                try require((error as? IPCError)?.code == .workerCrashed, "\(error)")
                failed.insert(Int32(outcome.index))
            }
        }
        try require(next == count, "\(next) outcomes")
        return failed
    }
    storm.isOver.store(true, ordering: .relaxed)
    let kills = try await killer.value
    let started = try stamps(file)
    try require(Set(started).count == started.count, "\(started.count - Set(started).count) tasks were started twice")
    let missing = Set(0..<count).subtracting(started).subtracting(failed)
    try require(missing.isEmpty, "\(missing.count) tasks succeeded that were not started")
    try require(failed.count <= kills, "\(failed.count) tasks failed of \(kills) kills")
    try require(kills > 0, "nothing was killed")
    say("\(count) tasks, \(kills) kills, \(failed.count) failed")
    return 0
}

private func stamps(_ file: String) throws -> [Int32] {
    let descriptor = unsafe open(file, O_RDONLY)
    defer { close(descriptor) }
    var numbers: [Int32] = []
    var number: Int32 = 0
    while unsafe read(descriptor, &number, 4) == 4 { numbers.append(number) }
    return numbers
}
