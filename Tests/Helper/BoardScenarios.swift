import Glibc
import IPCCore
import IPCProcess
import IPCSharedMemory
import IPCSystem

/// What other processes do in the tests of blackboards and of waits on shared words.
let boardScenarios: [String: Scenario] = [
    "board-write": boardWrite, "board-read": boardRead, "board-writer": boardWriter, "board-inherit": boardInherit,
    "board-storm": boardStorm, "futex-refused": futexRefused, "futex-idle": futexIdle, "futex-wake": futexWake,
]

/// A value of 4 KiB in which every word is the same, so that a torn one shows.
struct Sheet: PlainData {
    var words: InlineArray<512, UInt64>

    init(_ number: UInt64) { words = .init(repeating: number) }

    /// The number, if all words are it.
    var number: UInt64? {
        let first = words[0]
        for index in 1..<512 where words[index] != first { return nil }
        return first
    }
}

/// NAME [COUNT]: publishes numbers, each one higher than the last, without end or so many.
private func boardWrite(_ arguments: [String]) async throws -> Int32 {
    let writer = try Blackboard<Sheet>.Writer(at: .named(arguments[0]))
    var number = writer.latest?.number ?? 0
    let last = arguments.count > 1 ? number + UInt64(arguments[1])! : .max
    say("ready")
    while number < last {
        number += 1
        try writer.publish(Sheet(number))
    }
    writer.finish()
    return 0
}

/// NAME: reads values until the writer has finished; each must be whole and later than the one before.
private func boardRead(_ arguments: [String]) async throws -> Int32 {
    let reader = try Blackboard<Sheet>.Reader(at: .named(arguments[0]))
    var last: UInt64 = 0
    var count = 0
    for try await entry in reader.changes {
        guard let number = entry.value.number else { throw Wrong("a torn value") }
        try require(number == entry.version, "version \(entry.version) has the value \(number)")
        try require(number > last, "\(number) after \(last)")
        last = number
        count += 1
    }
    say("\(last) \(count)")
    return 0
}

/// NAME: says what came of writing there.
private func boardWriter(_ arguments: [String]) async throws -> Int32 {
    do throws(IPCError) {
        let writer = try Blackboard<Sheet>.Writer(at: .named(arguments[0]))
        say("version \(writer.version)")
    } catch {
        say("\(error.code)")
    }
    return 0
}

/// Reads the board that it was given, and tries to write to its memory.
private func boardInherit(_ arguments: [String]) async throws -> Int32 {
    let given = try InheritedEndpoints.take(0, as: Blackboard<Sheet>.Reader.self)
    let number = try given.latest?.number ?? 0
    say("\(number)")
    _ = try await given.change(after: number)
    return 0
}

/// SECONDS [KILLS]: kills writers again and again, for so long and at least so often, while two tasks read. Says how many.
private func boardStorm(_ arguments: [String]) async throws -> Int32 {
    let end = Deadline.after(.seconds(Int(arguments[0])!))
    let least = arguments.count > 1 ? Int(arguments[1])! : 0
    let isOver = FutexWord()
    let name = "ipc-storm-\(getpid())"
    defer { try? SharedMemory.remove(.named(name)) }
    _ = try Blackboard<Sheet>.Writer(at: .named(name), .create)
    let (kills, reads) = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<2 {
            group.addTask { try await readWhole(name, until: isOver) }
        }
        let kills = try await killWriters(name, until: end, atLeast: least)
        _ = isOver.add(1)
        var reads = 0
        for try await count in group { reads += count }
        return (kills, reads)
    }
    say("\(kills) writers killed, \(reads) reads, \(try Blackboard<Sheet>.Reader(at: .named(name)).version) values")
    return 0
}

private func readWhole(_ name: String, until isOver: FutexWord) async throws -> Int {
    let reader = try Blackboard<Sheet>.Reader(at: .named(name))
    var (last, count): (UInt64, Int) = (0, 0)
    while isOver.value == 0 {
        // Whoever kills has to have its turn.
        if count % 16 == 0 { await Task.yield() }
        count += 1
        guard let entry = try reader.latestEntry else { continue }
        try require(entry.value.number == entry.version, "a torn value at version \(entry.version)")
        try require(entry.version >= last, "an older value")
        last = entry.version
    }
    return count
}

private func killWriters(_ name: String, until end: Deadline, atLeast least: Int) async throws -> Int {
    let me = try FileCalls.destination(of: "/proc/self/exe")
    var kills = 0
    while !end.hasPassed || kills < least {
        let writer = try await ChildProcess.spawn(
            .path(me), arguments: ["board-write", name],
            options: ChildProcess.Options(standardOutput: .pipe))
        var lines = try writer.standardOutput.lines.makeAsyncIterator()
        guard try await lines.next() == "ready" else { throw Wrong("a writer could not begin") }
        try await Task.sleep(nanoseconds: UInt64.random(in: 0..<2_000_000))
        _ = try await writer.kill()
        kills += 1
    }
    return kills
}

/// Where futex_waitv(2) is refused, waits work all the same.
private func futexRefused(_ arguments: [String]) async throws -> Int32 {
    let errno = Int32(arguments[0])!
    let region = try SharedMemory(byteCount: 4096)
    try await FaultInjection.with([FaultInjection.Fault(.futex_waitv, errno: errno, count: .max)]) {
        let word = region.payload.word32(0)
        for round in 0..<20 as Range<UInt32> {
            let waiting = Task {
                while word.loadSequential() == round {
                    try await FutexWatcher.shared.wait(
                        while: WordExpectation(word, is: round), keeping: region, until: .after(.seconds(60)),
                        looksAgain: false, "test")
                }
            }
            try await Task.sleep(for: .milliseconds(Int(round)))
            word.add(1)
            SharedFutexCalls.wake(word)
            try await waiting.value
        }
        try require(FaultInjection.tally.failed >= 1, "the call was never refused")
        do {
            try await FutexWatcher.shared.wait(
                while: WordExpectation(word, is: 20), keeping: region, until: .after(.milliseconds(30)), "test")
            throw Wrong("a wait without a deadline")
        } catch let error as IPCError {
            try require(error.code == .timedOut, "\(error)")
        }
    }
    return 0
}

/// Many waits on words that nobody touches cost next to no time of a processor.
private func futexIdle(_ arguments: [String]) async throws -> Int32 {
    let region = try SharedMemory(byteCount: 64 * 100)
    try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<100 {
            group.addTask {
                try await FutexWatcher.shared.wait(
                    while: WordExpectation(region.payload.word32(index * 64), is: 0), keeping: region, until: .never,
                    looksAgain: false, "test")
            }
        }
        while FutexWatcher.shared.tally.waits < 100 { try await Task.sleep(for: .milliseconds(10)) }
        try await Task.sleep(for: .milliseconds(500))
        let before = processorTime()
        try await Task.sleep(for: .seconds(4))
        let used = processorTime() - before
        say("\(used / 1000) microseconds in 4 seconds")
        try require(used < 200_000_000, "\(used) nanoseconds of a processor in 4 seconds")
        group.cancelAll()
        while let result = await group.nextResult() { _ = result }
    }
    return 0
}

private func processorTime() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// NAME: counts the word at 0 up when the word at 64 has followed, and wakes; from another process.
private func futexWake(_ arguments: [String]) async throws -> Int32 {
    let region = try SharedMemory(at: .named(arguments[0]), .open)
    let (ours, theirs) = (region.payload.word32(0), region.payload.word32(64))
    for value in 1...UInt32(arguments[1])! {
        ours.storeSequential(value)
        SharedFutexCalls.wake(ours)
        while theirs.loadSequential() != value {
            try await FutexWatcher.shared.wait(
                while: WordExpectation(theirs, is: value - 1), keeping: region, until: .after(.seconds(60)),
                looksAgain: false, "test")
        }
    }
    return 0
}
