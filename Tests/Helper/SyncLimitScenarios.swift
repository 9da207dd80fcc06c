import Glibc
import IPCSharedMemory
import IPCSync
import IPCSystem

/// What a test's own process should not do to itself: signals, one processor, forks.
let syncLimitScenarios: [String: Scenario] = [
    "sync-deadlines": deadlines,
    "sync-ticker": ticker,
    "sync-fork-objects": forkObjects,
    "sync-leave-nothing": leaveNothing,
    // NAME PERMISSIONS: makes a region and stays.
    "sync-make-region": { arguments in
        var options = SyncRegionOptions()
        options.memory.permissions = AccessPermissions(rawValue: UInt32(arguments[1], radix: 8) ?? 0)
        do throws(IPCError) {
            let region = try await SyncRegion(at: .named(arguments[0]), .openOrCreate, options: options)
            say("made \(region.memory.wasCreated)")
            _ = readLine()
        } catch {
            say("\(error.code)")
        }
        return 0
    },
]

/// One way to wait that must end at its deadline.
private struct DeadlineCase: Sendable {
    let name: String
    let wait: @Sendable (Deadline) throws -> Void
}

/// `sync-deadlines FOLDER`: every blocking wait has a deadline of half a second while a signal interrupts it each
/// millisecond; none may end early, and each must end with `.timedOut`.
private func deadlines(_ arguments: [String]) async throws -> Int32 {
    let folder = arguments[0]
    let region = try await SyncRegion()
    let mutex = try region.mutex("mutex", of: SyncPair.self, initial: SyncPair())
    let other = try region.mutex("mutex", of: SyncPair.self)
    let condition = try region.condition("condition")
    let free = try region.mutex("free", of: SyncPair.self, initial: SyncPair())
    let lock = try region.lock("lock", byteCount: 8)
    let shared = try region.readWriteLock("shared")
    let leased = try region.semaphore("leased", .leased, permits: 1)
    let plain = try region.semaphore("plain", .plain, permits: 0)
    let event = try region.event("event", .manual)
    let latch = try region.latch("latch", count: 1)
    let party = try await region.barrier("barrier", parties: 2).join()
    let once = try region.once("once")
    let election = try region.election("election")
    let posix = try POSIXSemaphore(in: region.memory, at: 65536 - 64, initialValue: 0)
    let file = try FileLock(at: "\(folder)/file.lock")
    let set = try SystemVSemaphoreSet(blockingKey: 0, .create, initialValues: [0])
    defer { try? set.remove() }
    let memory = try SharedMemory(byteCount: 4096)
    let pthread = try PthreadMutex(in: memory, at: 0)

    let guarded = try mutex.lockBlocking()
    let locked = try region.lock("lock", byteCount: 8).lockBlocking()
    let written = try region.readWriteLock("shared").lockForWritingBlocking()
    let leader = try region.election("election").campaignBlocking()
    let heldFile = try file.lockBlocking()
    try leased.takeBlocking()
    let isPthreadHeld = FutexWord()
    startThread {
        try? pthread.withLockBlocking {
            isPthreadHeld.store(1)
            isPthreadHeld.wake(.max)
            while true { pause() }
        }
    }
    startThread {
        _ = try? region.once("once").performBlocking { (_: Bool) throws(IPCError) in while true { pause() } }
    }
    while isPthreadHeld.value == 0 { isPthreadHeld.wait(while: 0) }
    while once.holder == nil { usleep(1000) }

    let cases = [
        DeadlineCase(name: "mutex") { _ = try other.lockBlocking(until: $0) },
        DeadlineCase(name: "lock") { _ = try lock.lockBlocking(until: $0) },
        DeadlineCase(name: "reader") { _ = try shared.lockForReadingBlocking(until: $0) },
        DeadlineCase(name: "writer") { _ = try shared.lockForWritingBlocking(until: $0) },
        DeadlineCase(name: "leased") { try leased.takeBlocking(until: $0) },
        DeadlineCase(name: "plain") { try plain.takeBlocking(until: $0) },
        DeadlineCase(name: "condition") {
            _ = try free.lockBlocking(when: condition, until: $0) { $0.count > 0 }
        },
        DeadlineCase(name: "event") { try event.waitBlocking(until: $0) },
        DeadlineCase(name: "latch") { try latch.waitBlocking(until: $0) },
        DeadlineCase(name: "barrier") { try party.arriveBlocking(until: $0) },
        DeadlineCase(name: "once") {
            do throws(LockError<IPCError>) {
                try once.performBlocking(until: $0) { (_: Bool) throws(IPCError) in }
            } catch {
                if case .lock(let error) = error { throw error }
            }
        },
        DeadlineCase(name: "election") { _ = try election.campaignBlocking(until: $0) },
        DeadlineCase(name: "notice") { [notice = leader.notice] in try notice.waitBlocking(until: $0) },
        DeadlineCase(name: "posix semaphore") { try posix.waitBlocking(until: $0) },
        DeadlineCase(name: "system v") { try set.performBlocking([.take(0)], until: $0) },
        DeadlineCase(name: "file") { _ = try file.lockBlocking(until: $0) },
        DeadlineCase(name: "pthread") { _ = try pthread.lockBlocking(until: $0) },
    ]
    var (interruptions, latest) = (0, UInt64(0))
    // A machine that stops for a while interrupts nobody meanwhile.
    var milliseconds: UInt64 = 250
    for _ in 0..<7 where interruptions < 50 {
        milliseconds *= 2
        (interruptions, latest) = try interrupt(cases, for: milliseconds)
    }
    try require(interruptions >= 50, "only \(interruptions) interruptions")
    say(
        "\(cases.count) waits with \(interruptions) interruptions each, of \(milliseconds) ms: the last was over after "
            + "\(latest / 1_000_000) ms")
    try await interruptTasks([
        TaskDeadlineCase(name: "mutex") { _ = try await other.lock(until: $0) },
        TaskDeadlineCase(name: "reader") { _ = try await shared.lockForReading(until: $0) },
        TaskDeadlineCase(name: "leased") { try await leased.take(until: $0) },
        TaskDeadlineCase(name: "plain") { try await plain.take(until: $0) },
        TaskDeadlineCase(name: "condition") { _ = try await free.lock(when: condition, until: $0) { $0.count > 0 } },
        TaskDeadlineCase(name: "event") { try await event.wait(until: $0) },
        TaskDeadlineCase(name: "latch") { try await latch.wait(until: $0) },
        TaskDeadlineCase(name: "barrier") { try await party.arrive(until: $0) },
        TaskDeadlineCase(name: "election") { _ = try await election.campaign(until: $0).term },
        TaskDeadlineCase(name: "posix semaphore") { try await posix.wait(until: $0) },
        TaskDeadlineCase(name: "system v") { try await set.perform([.take(0)], until: $0) },
        TaskDeadlineCase(name: "file") { _ = try await file.lock(until: $0) },
    ])
    _ = (guarded.previousOwnerDied, locked.previousOwnerDied, heldFile.mode, leader.term)
    withExtendedLifetime(party) {}
    try written.unlock()
    return 0
}

/// Runs the waits, each on a thread, and interrupts all of them each millisecond; how often that was, and how many
/// nanoseconds the longest took.
private func interrupt(_ cases: [DeadlineCase], for milliseconds: UInt64) throws -> (Int, UInt64) {
    let duration = milliseconds * 1_000_000
    var action = sigaction()
    // Without SA_RESTART.
    unsafe action.__sigaction_handler.sa_handler = { _ in }
    _ = unsafe sigaction(SIGUSR1, &action, nil)
    let threads = Lock<[pthread_t]>([])
    let wrong = Lock<[String]>([])
    let latest = Lock<UInt64>(0)
    let (running, mayEnd) = (FutexWord(), FutexWord())
    running.store(UInt32(cases.count))
    for one in cases {
        startThread {
            threads.withLock { $0.append(pthread_self()) }
            let start = MonotonicClock.nanoseconds
            do {
                try one.wait(Deadline(nanoseconds: start + duration))
                wrong.withLock { $0.append("\(one.name) got it") }
            } catch let error as IPCError where error.code == .timedOut {
                let time = MonotonicClock.nanoseconds - start
                latest.withLock { $0 = max($0, time) }
                if time < duration { wrong.withLock { $0.append("\(one.name) after \(time) ns") } }
            } catch {
                wrong.withLock { $0.append("\(one.name): \(error)") }
            }
            _ = running.add(.max)
            // The others may send a signal to this thread yet.
            while mayEnd.value == 0 { mayEnd.wait(while: 0) }
            if mayEnd.add(1) == UInt32(cases.count + 1) { mayEnd.wake(.max) }
        }
    }
    var count = 0
    while running.value != 0 {
        for thread in threads.withLock({ $0 }) { pthread_kill(thread, SIGUSR1) }
        count += 1
        usleep(1000)
    }
    mayEnd.store(1)
    mayEnd.wake(.max)
    while mayEnd.value != UInt32(cases.count + 1) { mayEnd.wait(while: mayEnd.value) }
    let found = wrong.withLock { $0 }
    try require(found.isEmpty, found.joined(separator: "; "))
    return (count, latest.withLock { $0 })
}

/// The same for tasks: a timer interrupts whatever thread of the process the kernel chooses.
private struct TaskDeadlineCase: Sendable {
    let name: String
    let wait: @Sendable (Deadline) async throws -> Void
}

private func interruptTasks(_ cases: [TaskDeadlineCase]) async throws {
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = { _ in }
    _ = unsafe sigaction(SIGALRM, &action, nil)
    let millisecond = timeval(tv_sec: 0, tv_usec: 1000)
    var timer = itimerval(it_interval: millisecond, it_value: millisecond)
    _ = unsafe setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
    let wrong = await withTaskGroup(of: String?.self) { group in
        for one in cases {
            group.addTask {
                let start = MonotonicClock.nanoseconds
                do {
                    try await one.wait(Deadline(nanoseconds: start + 500_000_000))
                    return "\(one.name) got it"
                } catch let error as IPCError where error.code == .timedOut {
                    let time = MonotonicClock.nanoseconds - start
                    return time < 500_000_000 ? "task: \(one.name) after \(time) ns" : nil
                } catch {
                    return "task: \(one.name): \(error)"
                }
            }
        }
        return await group.reduce(into: [String]()) { if let text = $1 { $0.append(text) } }
    }
    timer = itimerval()
    _ = unsafe setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
    try require(wrong.isEmpty, wrong.joined(separator: "; "))
}

/// `sync-ticker PATH`: a thousand tasks contend for a mutex, until a clock that beats each 10 ms has beaten 100 times: if
/// they kept the threads, it would not, and whoever started this would see it hang.
private func ticker(_ arguments: [String]) async throws -> Int32 {
    let mutex = try await ProcessMutex<SyncPair>(at: .file(arguments[0]), .openOrCreate, initial: SyncPair())
    let isOver = FutexWord()
    var punctual = 0
    let made = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<1000 {
            group.addTask {
                var rounds = 0
                while isOver.value == 0 {
                    let guarded = try await mutex.lock()
                    guarded.value.count += 1
                    await Task.yield()
                    guarded.value.double += 2
                    try guarded.unlock()
                    rounds += 1
                }
                return rounds
            }
        }
        for _ in 0..<100 {
            let before = MonotonicClock.nanoseconds
            try await Task.sleep(for: .milliseconds(10))
            if MonotonicClock.nanoseconds - before < 30_000_000 { punctual += 1 }
        }
        isOver.store(1)
        return try await group.reduce(0, +)
    }
    let pair = try await mutex.withLock { $0 }
    try require(pair.count * 2 == pair.double && made > 0, "\(pair) after \(made)")
    say("a thousand tasks, \(made) turns; \(punctual) of 100 beats of 10 ms within 20 ms of their time")
    return 0
}
