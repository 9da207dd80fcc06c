import IPCSystem
import Synchronization

/// The words that a ``FutexWatcher`` watches, and who waits on them: a value, so that what is to be done comes out of it
/// and happens outside the lock.
struct WatchedWords {
    /// A word that some thread watches.
    struct Entry {
        let word: SharedWord32
        let thread: Int
        var waits: [FutexWait] = []
        /// Keeps the word mapped as long as the thread may sleep on it, although nobody may wait any more: a wake-up that ends
        /// there is passed on, which an address that is gone cannot be used for. The kernel does not end such a sleep.
        var owner: any AnyObject & Sendable
        /// The value at which the thread sleeps; nil when it must look. All `waits` expect just that value.
        var armed: UInt32?
        /// The value with which the thread went to sleep last: with another one now, it may have had a wake-up that was
        /// meant for those who slept at the old one.
        var slept: UInt32?
        /// Since when it is known to have no waits; nil while it has some.
        var idleSince: UInt64?
    }

    struct Thread {
        let control: FutexWord
        /// The words of this thread, in the order in which it sleeps on them.
        var places: [UInt] = []
        /// Whether the thread has laid down what it sleeps on, so that it must be told of a change.
        var isArmed = false
        /// When it looks at all its words and waits although nothing was reported; nil while nobody waits.
        var nextLook: UInt64?
        /// When its sleep ends at the latest.
        var limit: UInt64 = .max
        /// The owners of words that it may sleep on, and that are no entries any more: until it has looked.
        var leaving: [any AnyObject & Sendable] = []
    }

    /// Why a thread looks at its words.
    enum Wake: Sendable {
        /// A word is not as expected, or nothing is known.
        case changed
        /// Somebody woke those who sleep on the last of these words, and maybe on others of them: the kernel names one.
        case woken([SharedWord32])
        case timedOut
    }

    /// What a thread does when it has let go of the lock.
    struct Plan: Sendable {
        var due: [FutexWait] = []
        var toPassOn: [SharedWord32] = []
        var words: [WordExpectation] = []
        var limit: UInt64 = .max
        /// How many waits were found at the backstop with a word that had changed.
        var lateFinds = 0
        var followsTimeOut = false
        /// Keeps words mapped that the thread has slept on, until the plan is carried out; so no owner ends under the lock.
        var kept: [any AnyObject & Sendable] = []
    }

    /// How long a word stays watched that nobody waits on, in nanoseconds.
    static let patience: UInt64 = 100_000_000

    private var entries: [UInt: Entry] = [:]
    var threads: [Thread] = []

    var tally: (words: Int, waits: Int, threads: Int) {
        (entries.count, entries.values.reduce(0) { $0 + $1.waits.count }, threads.count)
    }

    /// The thread that watches `word`, or should; `threads.count` when another one is needed.
    mutating func thread(for word: SharedWord32, capacity: Int) -> Int {
        if let entry = entries[word.place] { return entry.thread }
        if let free = threads.firstIndex(where: { $0.places.count < capacity }) { return free }
        // Words that nobody waits on make room. Their thread is told, because it gets another word.
        for (index, thread) in threads.enumerated() {
            guard let idle = thread.places.firstIndex(where: { entries[$0]?.waits.isEmpty != false }) else { continue }
            if let entry = entries.removeValue(forKey: threads[index].places.remove(at: idle)) {
                threads[index].leaving.append(entry.owner)
            }
            return index
        }
        return threads.count
    }

    /// Adds a wait to a word.
    ///
    /// - Returns: whether the thread must be told.
    mutating func add(_ wait: FutexWait, _ expectation: WordExpectation, to index: Int) -> Bool {
        let place = expectation.word.place
        if entries[place] == nil {
            entries[place] = Entry(word: expectation.word, thread: index, owner: wait.owner)
            threads[index].places.append(place)
        }
        return update(place) { entry, thread in
            if entry.owner !== wait.owner {
                thread.leaving.append(entry.owner)
                entry.owner = wait.owner
            }
            entry.idleSince = nil
            if entry.armed != expectation.expected { entry.armed = nil }
            entry.waits.append(wait)
            return entry.armed == nil && thread.isArmed
        }
    }

    /// Takes a wait off every list that it is still on.
    ///
    /// - Returns: the threads to tell, which would otherwise keep the owner of a word for long that nobody waits on.
    @discardableResult
    mutating func remove(_ wait: FutexWait) -> [FutexWord] {
        var toRing: [FutexWord] = []
        for expectation in [wait.first, wait.second] {
            guard let place = expectation?.word.place, entries[place] != nil else { continue }
            update(place) { entry, thread in
                guard let position = entry.waits.firstIndex(where: { $0 === wait }) else { return }
                entry.waits.swapAt(position, entry.waits.count - 1)
                entry.waits.removeLast()
                guard entry.waits.isEmpty else { return }
                let now = MonotonicClock.nanoseconds
                entry.idleSince = now
                guard thread.isArmed, thread.limit > now + Self.patience else { return }
                // Once for all that become idle in this time.
                thread.limit = now + Self.patience
                toRing.append(thread.control)
            }
        }
        return toRing
    }

    /// What a thread does next, which has just woken up.
    mutating func plan(_ index: Int, after wake: Wake, now: UInt64) -> Plan {
        var plan = Plan()
        plan.kept = threads[index].leaving
        threads[index].leaving = []
        // Words on which the thread may have taken a wake, and whether it has for certain.
        var woken: [UInt: Bool] = [:]
        if case .woken(let words) = wake {
            for word in words { woken[word.place] = false }
            if let named = words.last { woken[named.place] = true }
            // Whoever waits on a word that this thread watches no more waits elsewhere.
            plan.toPassOn = words.filter { entries[$0.place]?.thread != index }
        }
        if case .timedOut = wake { plan.followsTimeOut = true }
        let isBackstop = threads[index].nextLook.map { $0 <= now } ?? false
        var places: [UInt] = []
        var isAnyWaitedFor = false
        for place in threads[index].places {
            let (stays, isWaitedFor) = update(place) { entry, _ in
                if woken[place] != nil, Self.mayHaveTakenAnothersWake(entry) { plan.toPassOn.append(entry.word) }
                let stays = Self.look(at: &entry, woken: woken[place], now: now, isBackstop: isBackstop, &plan)
                return (stays, !entry.waits.isEmpty)
            }
            isAnyWaitedFor = isAnyWaitedFor || isWaitedFor
            if stays { places.append(place) } else { entries[place] = nil }
        }
        threads[index].places = places
        threads[index].isArmed = true
        let nextLook = isBackstop ? nil : threads[index].nextLook
        threads[index].nextLook = isAnyWaitedFor ? nextLook ?? now + FutexWatcher.backstop : nil
        plan.limit = min(plan.limit, threads[index].nextLook ?? .max)
        threads[index].limit = plan.limit
        return plan
    }

    /// Whether a wake-up on the word ended here that no wait of this process is for: the word has changed since the thread
    /// went to sleep on it, and whoever waits here began to after that, as when a process signals and then waits itself.
    ///
    /// Each change is passed on once at most, so two processes cannot pass a wake-up to and fro.
    private static func mayHaveTakenAnothersWake(_ entry: Entry) -> Bool {
        guard let slept = entry.slept, !entry.waits.isEmpty else { return false }
        let value = entry.word.loadSequential()
        return value != slept && entry.waits.allSatisfy { $0.expectation(at: entry.word.place) == value }
    }

    /// - Parameter woken: whether a wake on the word was taken for certain (true), or maybe (false).
    /// - Returns: whether the word is to be watched any longer.
    private static func look(
        at entry: inout Entry, woken: Bool?, now: UInt64, isBackstop: Bool, _ plan: inout Plan
    ) -> Bool {
        if entry.waits.isEmpty {
            plan.kept.append(entry.owner)
        }
        let value = entry.word.loadSequential()
        // Whoever wakes has changed the word before.
        let isWoken = woken.map { $0 || entry.armed != value } ?? false
        if entry.waits.isEmpty {
            if isWoken {
                // It was meant for somebody who waits. Forgotten, so that two processes do not pass it to and fro.
                plan.toPassOn.append(entry.word)
                return false
            }
            let since = entry.idleSince ?? now
            entry.idleSince = since
            guard now < since + patience else {
                // It may have been woken together with the one that the kernel names.
                if woken != nil { plan.toPassOn.append(entry.word) }
                return false
            }
            plan.limit = min(plan.limit, since + patience)
        }
        if isWoken || isBackstop || entry.armed != value {
            let place = entry.word.place
            var staying: [FutexWait] = []
            for wait in entry.waits {
                if !isWoken && wait.expectation(at: place) == value && wait.looksAgainAt > now {
                    staying.append(wait)
                } else {
                    if plan.followsTimeOut && wait.expectation(at: place) != value { plan.lateFinds += 1 }
                    wait.isDue.store(true, ordering: .releasing)
                    plan.due.append(wait)
                }
            }
            if staying.isEmpty && !entry.waits.isEmpty {
                entry.idleSince = now
                plan.limit = min(plan.limit, now + patience)
            }
            entry.waits = staying
        }
        entry.armed = value
        entry.slept = value
        plan.words.append(WordExpectation(entry.word, is: value))
        return true
    }

    @discardableResult
    private mutating func update<Result>(_ place: UInt, _ body: (inout Entry, inout Thread) -> Result) -> Result {
        var entry = entries[place]!
        entries[place] = nil
        defer { entries[place] = entry }
        return body(&entry, &threads[entry.thread])
    }
}
