import IPCSystem
import Synchronization

/// Lets tasks wait on 32-bit words in shared memory, which other processes change and then wake: futex(2).
///
/// A word has no descriptor, so threads of this library (`ipc-futex-…`) sleep in futex_waitv(2) on behalf of the tasks,
/// each on at most 31 words and one of its own, through which it learns of more. A word on which many tasks wait is
/// watched once. As everywhere, a resume is a hint: the task looks again.
///
/// What it relies on: whoever wakes has *changed* the word before. A wake without a change is passed on where the
/// system says which word it was, and may otherwise go unseen until the backstop.
///
/// - **Nothing gets lost.** The kernel compares each word with what the tasks expect at the moment it puts the thread to
///   sleep, and every word is compared again whenever the thread is awake.
/// - **A peer may die between its store and its wake.** So the threads compare all words every half second anyway, and a
///   task that asks for it looks again by itself when it has waited for 1 to 1.5 seconds.
/// - **The mapping stays** as long as a task waits on it, and 0.1 to 0.2 seconds more: the next wait on the word often follows
///   at once, and a thread may sleep on the word until then. So give what keeps the mapping alone, not an object whose
///   end is an event.
/// - **A wake that nobody here wants** (the task was cancelled at that moment, or the word has made room for another) is
///   passed on to another process: to a program in C, say, which would sleep for good without it.
/// - Where futex_waitv(2) is refused (an old kernel, a seccomp filter), the threads look at the words every 1 to 20 ms.
package final class FutexWatcher: Sendable {
    package static let shared = FutexWatcher(engine: .shared)

    /// The most words of one thread, beside its own: the cost of each sleep grows with them.
    static let wordsPerThread = 31
    /// Nanoseconds after which a thread compares its words although nothing was reported.
    static var backstop: UInt64 { Backstop.limit(500_000_000) }
    /// Nanoseconds after which a task that asked for it looks again, at the next backstop of its thread.
    static var taskBackstop: UInt64 { Backstop.limit(1_000_000_000) }

    let engine: WaitEngine
    let state = Lock(WatchedWords())
    /// futex_waitv(2) was refused: the threads slice.
    let isRefused = Atomic<Bool>(false)
    /// How many waits the backstop found with a word that had changed although no wake had come: for tests.
    let unannounced = Atomic<Int>(0)

    package init(engine: WaitEngine) {
        self.engine = engine
    }

    /// Waits until a word has, or may have, another value than expected.
    ///
    /// - Parameters:
    ///   - first: the word, and the value at which to wait.
    ///   - second: another one: a death counter, which ends the wait as well.
    ///   - owner: what keeps the words mapped. It is retained until this returns, and for a moment after that.
    ///   - looksAgain: return after 1 to 1.5 seconds anyway, because what is waited for is not in the words alone.
    ///   - spinning: whether it pays to look for a few microseconds before the sleep.
    /// - Throws: `.cancelled`, `.timedOut`; `.resourceExhausted` when a thread is needed and cannot be started.
    package func wait(
        while first: WordExpectation, and second: WordExpectation? = nil, keeping owner: any AnyObject & Sendable,
        until deadline: Deadline, looksAgain: Bool = true, spinning: SpinRecord? = nil, _ doing: StaticString
    ) async throws(IPCError) {
        if Task.isCancelled { throw .cancelled("\(doing)") }
        if deadline.hasPassed { throw .timedOut("\(doing)") }
        if first.isOutdated || second?.isOutdated == true { return }
        if let spinning, spinning.spin(engine, { first.isOutdated || second?.isOutdated == true }) { return }
        let wait = FutexWait(
            engine.makeWaitPoint(), first, second, owner: owner,
            looksAgainAt: looksAgain ? MonotonicClock.nanoseconds + Self.taskBackstop : .max)
        try add(wait, doing)
        do {
            repeat {
                try await wait.point.wait(until: deadline, doing)
            } while !wait.isDue.load(ordering: .acquiring)
            remove(wait)
        } catch {
            remove(wait)
            // The wake may have been for one waiter alone, and this one leaves: another takes it.
            if wait.isDue.load(ordering: .acquiring) { SharedFutexCalls.wake(first.word, 1) }
            throw error
        }
    }

    /// The words that are watched now, and the threads that there are: for tests.
    package var tally: (words: Int, waits: Int, threads: Int) { state.withLock { $0.tally } }

    private func add(_ wait: FutexWait, _ doing: StaticString) throws(IPCError) {
        let toRing = try state.withLock { state throws(IPCError) in
            var toRing: [FutexWord] = []
            for expectation in [wait.first, wait.second] {
                guard let expectation else { continue }
                let index = state.thread(for: expectation.word, capacity: Self.wordsPerThread)
                do throws(IPCError) {
                    if index == state.threads.count { try start(&state, doing) }
                } catch {
                    state.remove(wait)
                    throw error
                }
                if state.add(wait, expectation, to: index) { toRing.append(state.threads[index].control) }
            }
            return toRing
        }
        for control in toRing {
            _ = control.add(1)
            control.wake()
        }
    }

    private func remove(_ wait: FutexWait) {
        // On one word it is taken off the list by whoever makes it due.
        if wait.second == nil && wait.isDue.load(ordering: .acquiring) { return }
        for control in state.withLock({ $0.remove(wait) }) {
            _ = control.add(1)
            control.wake()
        }
    }

    private func start(_ state: inout WatchedWords, _ doing: StaticString) throws(IPCError) {
        let index = state.threads.count
        let control = FutexWord()
        try mapping("\(doing)") { () throws(SystemCallError) in
            try SystemThread.start("ipc-futex-\(index)") { self.run(index, control) }
        }
        state.threads.append(WatchedWords.Thread(control: control))
    }
}
