import IPCSystem
import Synchronization
import TestSupport
import Testing

@testable import IPCCore

/// Words in shared memory, and tasks that wait on them. A watcher of its own for each test, so that its tally is its own.
@Suite(.watched) struct FutexWatcherTests {
    private let watcher = FutexWatcher(engine: .shared)

    @Test func aWordThatDiffersDoesNotKeepAnyoneWaiting() async throws {
        let page = try Page()
        page.word(0).storeSequential(7)
        try await watcher.wait(while: page.expect(0, 6), keeping: page.memory, until: .never, "test")
        #expect(watcher.tally.threads == 0)
    }

    @Test func aChangeAndAWakeEndTheWaitThroughAReadOnlyMapping() async throws {
        let page = try Page()
        let readOnly = try page.again(isWritable: false)
        let waiting = Task { [watcher] in
            try await watcher.wait(
                while: WordExpectation(readOnly.bytes.word32(64), is: 0), keeping: readOnly, until: .never,
                looksAgain: false, "test")
            return readOnly.bytes.word32(64).loadSequential()
        }
        try await eventually { watcher.tally.waits == 1 }
        page.set(64, 5)
        #expect(try await waiting.value == 5)
        #expect(watcher.tally.waits == 0)
    }

    @Test func theSecondWordEndsTheWaitToo() async throws {
        let page = try Page()
        for offset in [0, 64] {
            let value = page.word(offset).loadSequential()
            let waiting = Task { [watcher] in
                try await watcher.wait(
                    while: page.expect(0, page.word(0).loadSequential()),
                    and: page.expect(64, page.word(64).loadSequential()),
                    keeping: page.memory, until: .never, "test")
            }
            try await eventually { watcher.tally.waits == 2 }
            page.set(offset, value + 1)
            try await waiting.value
            #expect(watcher.tally.waits == 0)
        }
    }

    @Test func aWakeWithoutAChangeIsAHint() async throws {
        let page = try Page()
        let waiting = Task { [watcher] in
            try await watcher.wait(
                while: page.expect(0, 0), keeping: page.memory, until: .never, looksAgain: false, "test")
        }
        try await eventually { watcher.tally.waits == 1 }
        try await eventually {
            SharedFutexCalls.wake(page.word(0), 1)
            return watcher.tally.waits == 0
        }
        try await waiting.value
    }

    @Test func aChangeThatNobodyAnnouncesIsSeenAtTheBackstop() async throws {
        // A thread that is not asleep yet sees the change by itself, which on a loaded machine may happen a few times.
        for _ in 0..<50 where watcher.unannounced.load(ordering: .relaxed) == 0 {
            let page = try Page()
            let waiting = Task { [watcher] in
                try await watcher.wait(
                    while: page.expect(0, 0), keeping: page.memory, until: .never, looksAgain: false, "test")
            }
            try await eventually { watcher.tally.waits == 1 }
            try await Task.sleep(for: .milliseconds(100))
            page.word(0).storeSequential(1)
            try await waiting.value
        }
        #expect(watcher.unannounced.load(ordering: .relaxed) >= 1)
    }

    @Test func aTaskThatAskedForItLooksAgainAlthoughNothingChanged() async throws {
        let page = try Page()
        try await watcher.wait(while: page.expect(0, 0), keeping: page.memory, until: .never, "test")
        #expect(page.word(0).loadSequential() == 0)
        await #expect(throws: IPCError.timedOut("test")) {
            try await watcher.wait(
                while: page.expect(0, 0), keeping: page.memory, until: .after(.seconds(2)), looksAgain: false, "test")
        }
    }

    @Test func deadlineAndCancellationEndTheWait() async throws {
        let page = try Page()
        await #expect(throws: IPCError.timedOut("test")) {
            // A look in between would be a return without an error, which is a hint.
            try await watcher.wait(
                while: page.expect(0, 0), keeping: page.memory, until: .after(.milliseconds(20)), looksAgain: false,
                "test")
        }
        await #expect(throws: IPCError.timedOut("test")) {
            try await watcher.wait(while: page.expect(0, 0), keeping: page.memory, until: .now, "test")
        }
        // At any instant of the wait, from before its first step.
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let waiting = Task { [watcher] in
                while true {
                    try await watcher.wait(
                        while: page.expect(0, 0), keeping: page.memory, until: .after(.seconds(60)), "test")
                    if page.word(0).loadSequential() != 0 { return }
                }
            }
            let pause = UInt64.random(in: 0...4_000, using: &random)
            if pause > 100 { try await Task.sleep(nanoseconds: pause * 1000) }
            waiting.cancel()
            await #expect(throws: IPCError.cancelled("test")) { try await waiting.value }
        }
        #expect(watcher.tally.waits == 0)
    }

    /// A wake-up that ends at a thread whose only wait began after the change is for somebody else.
    @Test func aWakeForAnotherIsPassedOn() throws {
        let page = try Page()
        func wait(_ expected: UInt32) -> FutexWait {
            FutexWait(
                WaitEngine.shared.makeWaitPoint(), page.expect(0, expected), nil, owner: page.memory, looksAgainAt: .max
            )
        }
        func make() -> (WatchedWords, FutexWait) {
            var words = WatchedWords()
            words.threads.append(WatchedWords.Thread(control: FutexWord()))
            let first = wait(0)
            _ = words.add(first, page.expect(0, 0), to: 0)
            return (words, first)
        }
        // It sleeps at 0 with a wait, which goes; the word becomes 1, and a new wait expects that.
        var (words, first) = make()
        #expect(words.plan(0, after: .changed, now: 1).words.count == 1)
        words.remove(first)
        page.word(0).storeSequential(1)
        _ = words.add(wait(1), page.expect(0, 1), to: 0)
        #expect(words.plan(0, after: .woken([page.word(0)]), now: 2).toPassOn.count == 1)
        // Once: nothing has changed since.
        _ = words.add(wait(1), page.expect(0, 1), to: 0)
        #expect(words.plan(0, after: .woken([page.word(0)]), now: 3).toPassOn.isEmpty)
        // With a wait that the change is for it is nobody else's.
        page.word(0).storeSequential(0)
        (words, first) = make()
        _ = words.plan(0, after: .changed, now: 4)
        page.word(0).storeSequential(1)
        let plan = words.plan(0, after: .woken([page.word(0)]), now: 5)
        #expect(plan.toPassOn.isEmpty && plan.due.count == 1)
    }

    @Test func manyWaitsOnManyWords() async throws {
        let page = try Page(byteCount: 100 * 64)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask { [watcher] in
                    let offset = index % 100 * 64
                    var seen: UInt32 = 0
                    while seen < 20 {
                        try await watcher.wait(
                            while: page.expect(offset, seen), keeping: page.memory, until: .after(.seconds(100)), "test"
                        )
                        seen = page.word(offset).loadSequential()
                    }
                }
            }
            try await eventually { watcher.tally.waits == 200 }
            #expect(watcher.tally.words == 100)
            #expect(watcher.tally.threads == 4)
            for value in UInt32(1)...20 {
                for index in 0..<100 { page.set(index * 64, value) }
                if value % 5 == 0 { await Task.yield() }
            }
            try await group.waitForAll()
        }
        #expect(watcher.tally.waits == 0)
    }

    @Test func theMappingGoesWithTheLastWait() async throws {
        var page: Page? = try Page()
        weak let memory = page?.memory
        let waiting = Task { [watcher, page] in
            try await watcher.wait(
                while: page!.expect(0, 0), keeping: page!.memory, until: .after(.seconds(60)), looksAgain: false, "test"
            )
        }
        try await eventually { watcher.tally.waits == 1 }
        page = nil
        #expect(memory != nil, "the wait keeps the memory")
        waiting.cancel()
        _ = await waiting.result
        try await eventually { memory == nil }
        // Its thread forgets the word.
        try await eventually { watcher.tally.words == 0 }
    }

    @Test func noWakeIsLostInManyHandOvers() async throws {
        let page = try Page()
        let rounds: UInt32 = 10_000
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Two tasks hand a number to and fro: each waits for the other's word, without any backstop of its own.
            for side in 0..<2 {
                group.addTask(executorPreference: IPCExecutor.shared) { [watcher] in
                    let spinning = SpinRecord()
                    let (own, others) = (side * 64, 64 - side * 64)
                    for round in 0..<rounds {
                        if side == 0 { page.set(own, round + 1) }
                        let expected = round
                        while page.word(others).loadSequential() == expected {
                            try await watcher.wait(
                                while: page.expect(others, expected), keeping: page.memory,
                                until: .after(.seconds(100)),
                                looksAgain: false, spinning: round % 4 == 0 ? spinning : nil, "test")
                        }
                        if side == 1 { page.set(own, round + 1) }
                    }
                }
            }
            try await group.waitForAll()
        }
        // A thread may be stopped between its change and its wake; a wake that got lost would be one of many.
        #expect(watcher.unannounced.load(ordering: .relaxed) <= 10)
        #expect(page.word(0).loadSequential() == rounds)
        #expect(page.word(64).loadSequential() == rounds)
    }

    @Test func aThreadWakesATask() async throws {
        let page = try Page()
        try SystemThread.start("test") {
            for value in UInt32(1)...200 {
                page.set(0, value)
                while page.word(64).loadSequential() != value { ProcessorHint.pause() }
            }
        }
        var seen: UInt32 = 0
        while seen < 200 {
            try await watcher.wait(
                while: page.expect(0, seen), keeping: page.memory, until: .after(.seconds(100)), "test")
            seen = page.word(0).loadSequential()
            page.word(64).storeSequential(seen)
        }
    }
}

/// Shared memory for a test.
private final class Page: Sendable {
    let number: Int32
    let memory: MappedMemory

    init(byteCount: Int = 4096) throws {
        number = try MemoryCalls.makeFile("test").release()
        try MemoryCalls.allocate(number, size: byteCount)
        memory = try MappedMemory(number, byteCount: byteCount)
    }

    deinit { closeDescriptor(number) }

    func again(isWritable: Bool) throws -> MappedMemory {
        try MappedMemory(number, byteCount: memory.bytes.byteCount, .init(isWritable: isWritable))
    }

    func word(_ offset: Int) -> SharedWord32 { memory.bytes.word32(offset) }

    func expect(_ offset: Int, _ value: UInt32) -> WordExpectation { WordExpectation(word(offset), is: value) }

    func set(_ offset: Int, _ value: UInt32) {
        word(offset).storeSequential(value)
        SharedFutexCalls.wake(word(offset))
    }
}

/// Waits until `condition` holds.
private func eventually(_ condition: () -> Bool) async throws {
    for _ in 0..<10_000 {
        if condition() { return }
        try await Task.sleep(for: .milliseconds(1))
    }
    Issue.record("it never came to be")
}
