import Glibc
import IPCSystem
import IPCWorkers
import Synchronization

/// `kill-storm COUNT MILLISECONDS FILE [MICROSECONDS WORKERS]`: numbered tasks, which take so long or 0 to 120 µs and have
/// outputs from 0 to 60 KB, and streams beside them, while a worker is killed again and again, results are not taken for a
/// while, and the pool's own threads stand still, so that what workers send fills its sockets.
///
/// Each task is started at most once and has one outcome; what it gives is its own and whole; only a task that was
/// started fails, and not more of them than workers died.
func killStorm(_ arguments: [String]) async throws -> Int32 {
    let count = Int32(arguments[0]) ?? 0
    let pause = Int(arguments[1]) ?? 0
    let file = StampFile(path: arguments[2])
    let length = arguments.count > 3 ? Int(arguments[3]) : nil
    let workers = arguments.count > 4 ? Int(arguments[4]) ?? 3 : 3
    unsafe close(open(file.path, O_CREAT, 0o600))
    let options = WorkerPoolOptions(
        restartLimit: .init(count: 100_000, in: .seconds(10)), startAttempts: .max, restartBackoff: .none,
        sharedValueSize: 48_000)
    var (tally, statistics, kills) = try await withWorkerPool(of: .exactly(workers), options: options) {
        pool async throws in
        let storm = KillStorm(pool, file)
        let killer = Task.detached { try await storm.kill(every: .milliseconds(pause)) }
        let hindrance = Task.detached { try await storm.hinder() }
        async let streams = storm.streams(from: count)
        let tally = try await storm.tasks(count, microseconds: length)
        storm.isOver.store(true, ordering: .relaxed)
        let all = tally.adding(try await streams)
        try await hindrance.value
        let kills = try await killer.value
        return (all, pool.statistics, kills)
    }
    try tally.check(against: file, kills: kills, statistics)
    say("\(count) tasks, \(tally.streamCount) streams, \(kills) kills, \(statistics.crashes) deaths: \(tally.summary)")
    return 0
}

/// What became of the tasks of a storm.
struct StormOutcomes: Sendable {
    var finished: Set<Int32> = []
    var failed: Set<Int32> = []
    var streamCount = 0
    var itemCount = 0
    var summary = ""

    mutating func note(_ number: Int32, _ error: (any Error)?) throws {
        try require(!finished.contains(number) && !failed.contains(number), "two outcomes of task \(number)")
        guard let error else {
            finished.insert(number)
            return
        }
        try require((error as? IPCError)?.code == .workerCrashed, "task \(number): \(error)")
        failed.insert(number)
    }

    func adding(_ other: StormOutcomes) -> StormOutcomes {
        var sum = self
        sum.finished.formUnion(other.finished)
        sum.failed.formUnion(other.failed)
        sum.streamCount += other.streamCount
        sum.itemCount += other.itemCount
        return sum
    }

    mutating func check(against file: StampFile, kills: Int, _ statistics: WorkerPoolStatistics) throws {
        let (started, ended) = try file.read()
        try require(Set(started).count == started.count, "\(started.count - Set(started).count) tasks started twice")
        try require(Set(ended).count == ended.count, "\(ended.count - Set(ended).count) tasks ended twice")
        let unended = finished.subtracting(ended)
        try require(unended.isEmpty, "\(unended.count) tasks have outputs and did not come to their ends")
        // A worker may die before its task has noted that it starts.
        let unknown = Set(started).subtracting(finished).subtracting(failed)
        try require(unknown.isEmpty, "\(unknown.count) tasks were started and have no outcome")
        try require(kills > 0, "nothing was killed")
        try require(statistics.crashes <= kills, "\(statistics.crashes) deaths of \(kills) kills")
        try require(failed.count <= statistics.crashes, "\(failed.count) failures of \(statistics.crashes) deaths")
        try require(
            statistics.submitted == finished.count + failed.count && statistics.finished == finished.count
                && statistics.failed == failed.count && statistics.retried == 0,
            "\(finished.count) outputs and \(failed.count) failures; \(statistics)")
        let late = failed.intersection(ended).count
        summary = "\(failed.count) failed, \(late) of them at their ends; \(itemCount) items of streams"
    }
}

/// The parts of a storm.
private final class KillStorm: Sendable {
    let isOver = Atomic<Bool>(false)
    private let outcomeCount = Atomic<Int>(0)
    private let pool: WorkerPool
    private let file: StampFile

    init(_ pool: WorkerPool, _ file: StampFile) {
        self.pool = pool
        self.file = file
    }

    /// Kills any of the workers that live; mostly not before something has come since the last time, so that it ends on a
    /// machine that takes longer than the pause to start a process.
    ///
    /// - Returns: how often.
    func kill(every pause: Duration) async throws -> Int {
        var kills = 0
        var seen = -1
        while !isOver.load(ordering: .relaxed) {
            try await Task.sleep(for: pause)
            let count = outcomeCount.load(ordering: .relaxed)
            guard count != seen || Int.random(in: 0..<8) == 0 else { continue }
            seen = count
            guard let process = pool.statistics.workers.compactMap(\.processID).randomElement() else { continue }
            if Glibc.kill(process, SIGKILL) == 0 { kills += 1 }
        }
        return kills
    }

    /// Holds the threads now and then on which the pool reads and writes.
    func hinder() async throws {
        while !isOver.load(ordering: .relaxed) {
            try await Task.sleep(for: .milliseconds(Int.random(in: 1...80)))
            let time = UInt32.random(in: 1000...20_000)
            await withDiscardingTaskGroup { group in
                for _ in 0..<max(2, ProcessFacts.usableProcessors) {
                    group.addTask(executorPreference: IPCExecutor.shared) { usleep(time) }
                }
            }
        }
    }

    func tasks(_ count: Int32, microseconds: Int?) async throws -> StormOutcomes {
        var outcomes = StormOutcomes()
        let tasks = (0..<count).lazy.map { [file] in StormTask(file, $0, microseconds: microseconds) }
        var next: Int32 = 0
        for try await outcome in pool.outcomes(of: tasks) {
            try require(outcome.index == next, "outcome \(outcome.index) instead of \(next)")
            switch outcome.result {
            case .success(let bytes):
                try require(bytes == StormBytes.make(StormBytes.size(next), next), "the output of another task")
                try outcomes.note(next, nil)
            case .failure(let error): try outcomes.note(next, error)
            }
            next += 1
            outcomeCount.add(1, ordering: .relaxed)
            if next % 500 == 0 { try await Task.sleep(for: .milliseconds(Int(next / 500 % 5) * 10)) }
        }
        try require(next == count, "\(next) outcomes")
        return outcomes
    }

    /// One stream after the other, some of them read in jerks, and two of them at once.
    func streams(from first: Int32) async throws -> StormOutcomes {
        async let odd = streams(from: first + 1, by: 2)
        return try await streams(from: first, by: 2).adding(odd)
    }

    private func streams(from first: Int32, by step: Int32) async throws -> StormOutcomes {
        var outcomes = StormOutcomes()
        var number = first
        repeat {
            let count = number % 300
            let work = StormStream(file: file, number: number, count: count)
            var next: Int32 = 0
            var failure: (any Error)?
            do {
                for try await item in pool.stream(work, window: 1 + Int(number % 70)) {
                    try require(item.index == next, "item \(item.index) of stream \(number) instead of \(next)")
                    try require(
                        item.bytes == StormBytes.make(StormBytes.size(number &+ next), next), "another stream's item")
                    next += 1
                    if next % 100 == 50 { try await Task.sleep(for: .milliseconds(2)) }
                }
                try require(next == count, "stream \(number) ends after \(next) of \(count)")
            } catch let error as IPCError {
                failure = error
            }
            try outcomes.note(number, failure)
            outcomes.streamCount += 1
            outcomes.itemCount += Int(next)
            number += step
        } while !isOver.load(ordering: .relaxed)
        return outcomes
    }
}
