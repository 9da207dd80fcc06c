import IPCSystem
import Synchronization
import TestSupport
import Testing

@testable import IPCCore

/// A wake that the thread of a watcher took, and that somebody else was to have.
@Suite(.watched) struct WatchedWordsTests {
    private let memory: MappedMemory

    init() throws {
        let file = try MemoryCalls.makeFile("test")
        try MemoryCalls.allocate(file.number, size: 4096)
        memory = try MappedMemory(file.number, byteCount: 4096)
    }

    private func word(_ index: Int) -> SharedWord32 { memory.bytes.word32(index * 64) }

    /// Words with one wait each, of which the thread has taken note.
    private func watched(_ count: Int, _ owner: any AnyObject & Sendable) -> (WatchedWords, [FutexWait]) {
        var state = WatchedWords()
        state.threads.append(WatchedWords.Thread(control: FutexWord()))
        var waits: [FutexWait] = []
        for index in 0..<count {
            let expectation = WordExpectation(word(index), is: 0)
            let wait = FutexWait(
                WaitEngine.shared.makeWaitPoint(), expectation, nil, owner: owner, looksAgainAt: .max)
            _ = state.add(wait, expectation, to: state.thread(for: word(index), capacity: count))
            waits.append(wait)
        }
        _ = state.plan(0, after: .changed, now: 0)
        return (state, waits)
    }

    private func places(_ words: [SharedWord32]) -> [UInt] { words.map(\.place) }

    @Test func theWakeOfAWordThatMadeRoomIsPassedOn() {
        var (state, waits) = watched(3, memory)
        state.remove(waits[0])
        // Another word takes its place while the thread still sleeps on it.
        #expect(state.thread(for: word(3), capacity: 3) == 0)
        let plan = state.plan(0, after: .woken([word(0)]), now: 0)
        #expect(places(plan.toPassOn) == [word(0).place])
        #expect(plan.due.isEmpty)
    }

    @Test func theWakeOfAWordWithoutAnOwnerIsPassedOn() {
        final class Owner: Sendable {}
        var owner: Owner? = Owner()
        var (state, waits) = watched(1, owner!)
        state.remove(waits[0])
        waits = []
        weak let watched = owner
        owner = nil
        // The word is mapped until what has come to it is passed on.
        #expect(watched != nil)
        do {
            let plan = state.plan(0, after: .woken([word(0)]), now: 0)
            #expect(places(plan.toPassOn) == [word(0).place])
            #expect(watched != nil)
        }
        #expect(state.tally.words == 0)
        #expect(watched == nil)
    }

    /// The same of a word that made room, and of one that has another owner now.
    @Test func ownersStayUntilTheirThreadHasLooked() {
        final class Owner: Sendable {}
        for isReplaced in [false, true] {
            var owner: Owner? = Owner()
            var (state, waits) = watched(1, owner!)
            state.remove(waits[0])
            waits = []
            weak let watched = owner
            owner = nil
            let next = WordExpectation(word(isReplaced ? 0 : 1), is: 0)
            let wait = FutexWait(WaitEngine.shared.makeWaitPoint(), next, nil, owner: memory, looksAgainAt: .max)
            _ = state.add(wait, next, to: state.thread(for: next.word, capacity: 1))
            #expect(watched != nil)
            _ = state.plan(0, after: .changed, now: 0)
            #expect(watched == nil)
        }
    }

    /// The thread is told to look soon, once for all that end in a short time.
    @Test func aThreadLearnsThatNobodyWaitsAnyMore() {
        var (state, waits) = watched(3, memory)
        state.threads[0].limit = .max
        #expect(state.remove(waits[0]).count == 1)
        #expect(state.remove(waits[1]).isEmpty && state.remove(waits[2]).isEmpty)
        let now = MonotonicClock.nanoseconds
        #expect(state.plan(0, after: .changed, now: now).limit <= now + WatchedWords.patience)
        #expect(state.tally.words == 3)
        _ = state.plan(0, after: .timedOut, now: now + 2 * WatchedWords.patience)
        #expect(state.tally.words == 0)
    }

    /// What is mapped twice is one word to the kernel: the mapping through which a task waited goes, and a wake-up still gets to
    /// whoever sleeps behind.
    @Test func aSleeperBehindAMappingThatIsGone() async throws {
        let watcher = FutexWatcher(engine: .shared)
        let file = try MemoryCalls.makeFile("test")
        try MemoryCalls.allocate(file.number, size: 4096)
        let other = try MappedMemory(file.number, byteCount: 4096)
        let here = other.bytes.word32(0)
        for round in UInt32(0)..<5 {
            weak var gone: MappedMemory?
            do {
                let mapping = try MappedMemory(file.number, byteCount: 4096)
                gone = mapping
                let expectation = WordExpectation(mapping.bytes.word32(0), is: round)
                let waiting = Task {
                    try await watcher.wait(
                        while: expectation, keeping: mapping, until: .never, looksAgain: false, "test")
                }
                while watcher.tally.waits == 0 { try await Task.sleep(for: .milliseconds(1)) }
                // The thread sleeps on the word by then.
                try await Task.sleep(for: .milliseconds(20))
                waiting.cancel()
                _ = await waiting.result
            }
            try SystemThread.start("test") {
                FutexWord().wait(while: 0, until: MonotonicClock.nanoseconds + 50_000_000)
                here.storeSequential(round + 1)
                SharedFutexCalls.wake(here, 1)
            }
            #expect(try await asleep(on: WordExpectation(here, is: round)) != .timedOut)
            // And then it does go.
            while gone != nil { try await Task.sleep(for: .milliseconds(1)) }
        }
        withExtendedLifetime(other) {}
    }

    @Test func twoWakesAtOnceOfWhichTheKernelNamesOne() {
        var (state, waits) = watched(2, memory)
        state.remove(waits[0])
        word(0).storeSequential(1)
        let plan = state.plan(0, after: .woken([word(0), word(1)]), now: 0)
        #expect(places(plan.toPassOn) == [word(0).place])
        #expect(plan.due.count == 1 && plan.due.first === waits[1])
    }

    @Test func whatSomebodyHereWaitsForIsNotPassedOn() {
        var (state, waits) = watched(2, memory)
        state.remove(waits[1])
        let plan = state.plan(0, after: .woken([word(0)]), now: 0)
        #expect(plan.toPassOn.isEmpty)
        #expect(plan.due.first === waits[0])
        #expect(state.tally.words == 2)
    }

    /// A thread of ours stands for another process: it sleeps in the kernel behind the watcher's, which is woken first.
    @Test func aSleeperBehindTheWatcherGetsTheWakeOfAWordThatNobodyWaitsOn() async throws {
        let watcher = FutexWatcher(engine: .shared)
        for round in UInt32(0)..<5 {
            let expectation = WordExpectation(word(0), is: round)
            let waiting = Task { [memory] in
                try await watcher.wait(while: expectation, keeping: memory, until: .never, looksAgain: false, "test")
            }
            while watcher.tally.waits == 0 { try await Task.sleep(for: .milliseconds(1)) }
            // The thread sleeps on the word by then.
            try await Task.sleep(for: .milliseconds(20))
            waiting.cancel()
            _ = await waiting.result
            try SystemThread.start("test") { [word = word(0)] in
                // Long enough for the other to sleep, short enough for the watcher to sleep still.
                FutexWord().wait(while: 0, until: MonotonicClock.nanoseconds + 50_000_000)
                word.storeSequential(round + 1)
                SharedFutexCalls.wake(word, 1)
            }
            let outcome = try await asleep(on: expectation)
            #expect(outcome != .timedOut)
        }
    }

    /// How a sleep of 20 seconds at most on a thread of its own ends.
    private func asleep(on expectation: WordExpectation) async throws -> SharedFutexCalls.Outcome {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try SystemThread.start("test") {
                    continuation.resume(
                        with: Result {
                            try SharedFutexCalls.wait(
                                whileAll: [.init(expectation.word, is: expectation.expected)],
                                until: MonotonicClock.nanoseconds + 20_000_000_000)
                        })
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
