import Glibc
import IPCSync
import IPCSystem

let syncScenarios: [String: Scenario] = [
    "sync-count": syncCount,
    "sync-hold": syncHold,
    "sync-hold-many": syncHoldMany,
    "sync-lock-raw": syncLockRaw,
    "sync-update": syncUpdate,
    "sync-contend": syncContend,
    "sync-fork": syncFork,
    "sync-ring": syncRing,
    "lock-storm": lockStorm,
]

/// What the tests share: two numbers that belong together.
struct SyncPair: PlainData {
    var count = 0
    var double = 0
}

/// `sync-count PATH TASKS ROUNDS`: each task adds one that often; every look must find a whole value.
private func syncCount(_ arguments: [String]) async throws -> Int32 {
    let mutex = try await ProcessMutex<SyncPair>(at: .file(arguments[0]), .open, initial: SyncPair())
    let rounds = Int(arguments[2]) ?? 0
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<(Int(arguments[1]) ?? 0) {
            group.addTask {
                for round in 0..<rounds {
                    if round % 2 == 0 {
                        let guarded = try await mutex.lock()
                        guarded.value.count += 1
                        await Task.yield()
                        guarded.value.double += 2
                        try guarded.unlock()
                    } else {
                        let isWhole = try await mutex.withLock { pair in
                            defer { (pair.count, pair.double) = (pair.count + 1, pair.double + 2) }
                            return pair.count * 2 == pair.double
                        }
                        try require(isWhole, "half of a change")
                    }
                }
            }
        }
        try await group.waitForAll()
    }
    return 0
}

/// `sync-hold PATH`: takes the lock, changes the value without letting go, and waits for its end.
private func syncHold(_ arguments: [String]) async throws -> Int32 {
    let mutex = try await ProcessMutex<SyncPair>(at: .file(arguments[0]), .open, initial: SyncPair())
    let guarded = try await mutex.lock()
    guarded.value.count += 100
    say("held \(guarded.previousOwnerDied)")
    _ = readLine()
    guarded.value.double += 200
    try guarded.unlock()
    say("free")
    _ = readLine()
    return 0
}

/// `sync-hold-many PATH COUNT`: takes that many mutexes of one region at once.
private func syncHoldMany(_ arguments: [String]) async throws -> Int32 {
    let region = try await SyncRegion(at: .file(arguments[0]), .open)
    let count = Int(arguments[1]) ?? 0
    for index in 0..<count {
        let mutex = try region.mutex("m\(index)", of: SyncPair.self)
        // Held until the end of the process: nothing lets go of it.
        guard let guarded = try mutex.tryLock() else { throw Wrong("mutex \(index) is not free") }
        keepForEver(guarded)
    }
    say("held")
    _ = readLine()
    return 0
}

func keepForEver(_ guarded: consuming ProcessMutex<SyncPair>.Guard) {
    let memory = UnsafeMutablePointer<ProcessMutex<SyncPair>.Guard>.allocate(capacity: 1)
    unsafe memory.initialize(to: guarded)
}

/// `sync-lock-raw PATH MODE`: a lock over two words, whose recovery depends on the mode: `hold` stops inside the lock after
/// half a change; `recover` repairs; `stop` stops inside its recovery; `throw` fails to.
private func syncLockRaw(_ arguments: [String]) async throws -> Int32 {
    let mode = arguments[1]
    let lock = try await ProcessLock(at: .file(arguments[0]), .openOrCreate, byteCount: 16) { bytes in
        if mode == "throw" { throw Wrong("cannot repair") }
        if mode == "stop" {
            say("recovering")
            _ = readLine()
        }
        let first = unsafe bytes.unsafeLoad(fromByteOffset: 0, as: UInt64.self)
        bytes.storeBytes(of: first, toByteOffset: 8, as: UInt64.self)
    }
    do {
        try await lock.withLock { bytes in
            let first = unsafe bytes.unsafeLoad(fromByteOffset: 0, as: UInt64.self)
            let second = unsafe bytes.unsafeLoad(fromByteOffset: 8, as: UInt64.self)
            say(first == second ? "whole \(first)" : "half")
            bytes.storeBytes(of: first + 1, toByteOffset: 0, as: UInt64.self)
            if mode == "hold" {
                say("held")
                _ = readLine()
            }
            bytes.storeBytes(of: first + 1, toByteOffset: 8, as: UInt64.self)
        }
    } catch {
        say("\(error)")
    }
    return 0
}

/// `sync-contend PATH`: two threads that hold the lock for so long that others sleep, until the process is killed.
private func syncContend(_ arguments: [String]) async throws -> Int32 {
    let mutex = try SyncRegion(blockingAt: .file(arguments[0]), .open).mutex("pair", of: SyncPair.self)
    let change: @Sendable () throws -> Void = {
        while true {
            try mutex.withLockBlocking { pair in
                pair.count += 1
                usleep(200)
                pair.double += 2
            }
        }
    }
    say("begins")
    startThread { try? change() }
    try change()
    return 1
}

/// `sync-update PATH`: changes, for a process that kills itself on the way; with a waiter in the way first.
private func syncUpdate(_ arguments: [String]) async throws -> Int32 {
    let region = try SyncRegion(blockingAt: .file(arguments[0]), .open)
    let mutex = try region.mutex("pair", of: SyncPair.self)
    let condition = try region.condition("changed")
    for _ in 0..<2000 {
        try mutex.withLockBlocking { pair in
            pair.count += 1
            pair.double += 2
        }
        condition.signal()
        let guarded = try mutex.lockBlocking()
        _ = try? condition.waitBlocking(with: guarded, until: .after(.microseconds(50)))
    }
    return 0
}

/// `sync-fork PATH`: the child of a fork cannot use what its parent holds, nor let go of it.
private func syncFork(_ arguments: [String]) async throws -> Int32 {
    let mutex = try ProcessMutex<SyncPair>(blockingAt: .file(arguments[0]), .openOrCreate, initial: SyncPair())
    let guarded = try mutex.lockBlocking()
    guarded.value.count = 1
    let status = try statusOfFork {
        do {
            let code = thrownCode { () throws(IPCError) in _ = try mutex.lockBlocking(until: .after(.seconds(5))) }
            try require(code == .participantLost, "lock: \(String(describing: code))")
            let attempt = thrownCode { () throws(IPCError) in _ = try mutex.tryLock() }
            try require(attempt == .participantLost, "try: \(String(describing: attempt))")
            let own = try ProcessMutex<SyncPair>(blockingAt: .file(arguments[0]), .open, initial: SyncPair())
            try require(own.holder?.isAlive == true, "the parent is taken for dead")
            let late = thrownCode { () throws(IPCError) in _ = try own.lockBlocking(until: .after(.milliseconds(50))) }
            try require(late == .timedOut, "a second owner: \(String(describing: late))")
            return 0
        } catch {
            say("child: \(error)")
            return 1
        }
    }
    try require(status == 0, "the child ended with \(status)")
    guarded.value.double = 2
    try guarded.unlock()
    let pair = try mutex.withLockBlocking { $0 }
    try require(pair.count == 1 && pair.double == 2, "\(pair)")
    // A free lock is not for the child either.
    let secondStatus = try statusOfFork {
        thrownCode { () throws(IPCError) in _ = try mutex.tryLock() } == .participantLost ? 0 : 1
    }
    try require(secondStatus == 0, "the second child ended with \(secondStatus)")
    return 0
}

private func thrownCode(_ body: () throws(IPCError) -> Void) -> IPCError.Code? {
    do throws(IPCError) {
        try body()
        return nil
    } catch {
        return error.code
    }
}

/// What a ring of waiters passes on: whose turn it is, and how often it was passed.
struct SyncTurn: PlainData {
    var turn = 0
    var passed = 0
}

/// `sync-ring PATH MEMBERS FIRST STEP ROUNDS`: threads FIRST, FIRST + STEP, … of a ring of MEMBERS pass a turn on until
/// it has been passed ROUNDS times. Without a deadline or a backstop: a lost wake-up is a hang, of which it says so.
private func syncRing(_ arguments: [String]) async throws -> Int32 {
    Backstop.switchOff()
    let numbers = arguments.dropFirst().compactMap { Int($0) }
    let (members, first, step, rounds) = (numbers[0], numbers[1], numbers[2], numbers[3])
    let region = try SyncRegion(blockingAt: .file(arguments[0]), .openOrCreate)
    let mutex = try region.mutex("turn", of: SyncTurn.self, initial: SyncTurn())
    let condition = try region.condition("passed")
    let (running, turns) = (FutexWord(), FutexWord())
    let mine = Array(stride(from: first, to: members, by: step))
    running.store(UInt32(mine.count))
    for member in mine {
        startThread {
            do {
                while true {
                    _ = turns.add(1)
                    let guarded = try mutex.lockBlocking(when: condition) { $0.turn == member || $0.passed >= rounds }
                    let isOver = guarded.value.passed >= rounds
                    if !isOver {
                        guarded.value.passed += 1
                        guarded.value.turn = (member + 1) % members
                    }
                    try guarded.unlock()
                    condition.broadcast()
                    if isOver { break }
                }
            } catch {
                say("member \(member): \(error)")
                exitNow(1)
            }
            if running.add(.max) == 0 { running.wake(.max) }
        }
    }
    var (last, silent) = (UInt32(0), 0)
    while running.value != 0 {
        running.wait(while: running.value, until: MonotonicClock.nanoseconds + 1_000_000_000)
        silent = turns.value == last ? silent + 1 : 0
        last = turns.value
        try require(silent < 60, "the turn does not come back after \(last)")
    }
    return 0
}
