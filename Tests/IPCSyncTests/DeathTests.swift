import IPCParticipants
import IPCProcess
import IPCSync
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// What others see when a process with a lock dies, is stopped or forks.
@Suite(.watched) struct DeathTests {
    /// The waiter gets the lock, is told once, and finds the value that was committed last.
    @Test func theLockOfTheDeadIsForTheNext() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/pair"
                let mutex = try await ProcessMutex(at: .file(path), initial: SyncPair(count: 7, double: 14))
                for round in 0..<10 {
                    let peer = try await Peer.start("sync-hold", path)
                    #expect(try await peer.line() == "held false")
                    let waiter = Task { () async throws -> (Bool, SyncPair) in
                        let guarded = try await mutex.lock(until: .after(.seconds(60)))
                        return (guarded.previousOwnerDied, guarded.value)
                    }
                    if round % 2 == 0 { try await Task.sleep(for: .milliseconds(5)) }
                    try await peer.kill()
                    let (died, pair) = try await waiter.value
                    #expect(died)
                    #expect(pair.count == 7 && pair.double == 14)
                    let guarded = try await mutex.lock()
                    let isNews = guarded.previousOwnerDied
                    #expect(!isNews)
                }
            }
        }
    }

    /// A peer that takes over and dies in its turn leaves the news to the one after it.
    @Test func theOneAfterIsToldAgain() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/pair"
                let mutex = try await ProcessMutex(at: .file(path), initial: SyncPair())
                let first = try await Peer.start("sync-hold", path)
                #expect(try await first.line() == "held false")
                let second = try await Peer.start("sync-hold", path)
                try await first.kill()
                #expect(try await second.line() == "held true")
                try await second.kill()
                let guarded = try await mutex.lock(until: .after(.seconds(60)))
                let isNews = guarded.previousOwnerDied
                #expect(isNews)
            }
        }
    }

    /// Between any two steps of taking, committing, releasing, signalling and waiting.
    @Test(arguments: [
        "lock-taken", "mutex-copied", "mutex-before-commit", "mutex-after-commit", "unlock-begins", "unlock-freed",
        "signal-begins", "signal-counted", "signal-woke", "wait-begins", "wait-sleeps", "wait-woke", "lock-looks",
        "lock-sleepers-bit", "lock-sleeps", "lock-woke", "unlock-exchanged", "unlock-woke",
    ])
    func killedBetweenTwoSteps(_ point: String) async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/region"
                let region = try await SyncRegion(at: .file(path))
                let mutex = try region.mutex("pair", of: SyncPair.self, initial: SyncPair())
                let condition = try region.condition("changed")
                let isContended = point.hasPrefix("lock-") || point.hasPrefix("unlock-")
                let contender = isContended ? try await Peer.start("sync-contend", path) : nil
                if let contender { #expect(try await contender.line() == "begins") }
                let peer = try await Peer.start(
                    isContended ? "sync-contend" : "sync-update", path,
                    environment: [KillPoints.variable: "sync-\(point):3"])
                // Those on the contended way go on until it has come to that.
                let status = try await peer.child.exitStatus(until: .after(.seconds(60)))
                #expect(status == .signaled(.kill, coreDumped: false))
                let guarded = try await mutex.lock(until: .after(.seconds(60)))
                let pair = guarded.value
                #expect(pair.count * 2 == pair.double)
                try guarded.unlock()
                condition.signal()
                try await contender?.kill()
            }
        }
    }

    /// The kernel's own list has a limit of 2,048 locks for a thread.
    @Test func tenThousandLocksOfOneProcess() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/region"
                let count = 10_000
                let region = try await SyncRegion(
                    at: .file(path), options: SyncRegionOptions(byteCount: count * 256, maximumObjects: count))
                var mutexes: [ProcessMutex<SyncPair>] = []
                for index in 0..<count {
                    mutexes.append(try region.mutex("m\(index)", of: SyncPair.self, initial: SyncPair()))
                }
                let peer = try await Peer.start("sync-hold-many", path, "\(count)")
                #expect(try await peer.line() == "held")
                let isFree = try mutexes[count - 1].withLockIfAvailable { _ in true } ?? false
                #expect(!isFree)
                try await peer.kill()
                var told = 0
                for mutex in mutexes {
                    let guarded = try await mutex.lock(until: .after(.seconds(60)))
                    if guarded.previousOwnerDied { told += 1 }
                }
                #expect(told == count)
            }
        }
    }

    /// A process that is stopped is not dead.
    @Test func theStoppedKeepsItsLock() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/pair"
                let mutex = try await ProcessMutex(at: .file(path), initial: SyncPair())
                let peer = try await Peer.start("sync-hold", path)
                #expect(try await peer.line() == "held false")
                try peer.child.send(.stop)
                let late = await failure { () async throws(IPCError) in
                    try await mutex.lock(until: .after(.milliseconds(1500)))
                }
                #expect(late?.code == .timedOut)
                try peer.child.send(.continue)
                try await peer.go()
                #expect(try await peer.line() == "free")
                let pair = try await mutex.withLock(until: .after(.seconds(60))) { $0 }
                #expect(pair.count == 100 && pair.double == 200)
                try await peer.kill()
            }
        }
    }

    @Test func theChildOfAForkIsNoOwner() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in _ = try await expectScenario("sync-fork", "\(folder)/pair") }
        }
    }

    /// Two processes of three waiters each; the form with ten million hand-overs is in .ci/long.d.
    @Test func noHandOverIsLost() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/ring"
                async let first = expectScenario("sync-ring", path, "6", "0", "2", "20000")
                async let second = expectScenario("sync-ring", path, "6", "1", "2", "20000")
                _ = try await (first, second)
            }
        }
    }

    /// The short form of .ci/long.d/lock-storm.
    @Test func aStormOfKills() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let text = try await expectScenario("lock-storm", folder, "250", "7")
                #expect(text.contains("0 torn, 0 intruders"), "\(text)")
            }
        }
    }

    /// As many deaths with the lock as reports of one.
    @Test func aStormOfCountedKills() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let text = try await expectScenario("lock-storm", folder, "150", "8", "counted")
                #expect(text.contains("0 torn, 0 intruders"), "\(text)")
            }
        }
    }

    @Test(arguments: ["condition", "rwlock", "barrier", "plain", "leased", "event", "tasks"])
    func aStormOfKills(of object: String) async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let text = try await expectScenario("sync-storm", object, folder, "60", "7")
                #expect(text.contains("0 torn, 0 intruders"), "\(text)")
            }
        }
    }
}

/// Raw bytes under a lock: recovery, and when it fails.
@Suite(.watched) struct RecoveryTests {
    @Test func recoveryRunsBeforeAnybodySeesTheBytes() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/raw"
                let holder = try await Peer.start("sync-lock-raw", path, "hold")
                #expect(try await holder.line() == "whole 0")
                #expect(try await holder.line() == "held")
                // Killed in its recovery: the one after it recovers.
                let stopped = try await Peer.start("sync-lock-raw", path, "stop")
                try await holder.kill()
                #expect(try await stopped.line() == "recovering")
                try await stopped.kill()
                #expect(try await expectScenario("sync-lock-raw", path, "recover") == "whole 1\n")
                #expect(try await expectScenario("sync-lock-raw", path, "recover") == "whole 2\n")
            }
        }
    }

    @Test func aRecoveryThatThrowsPoisonsTheLock() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/raw"
                let holder = try await Peer.start("sync-lock-raw", path, "hold")
                _ = try await holder.line()
                _ = try await holder.line()
                try await holder.kill()
                #expect(try await expectScenario("sync-lock-raw", path, "throw").contains("poisoned"))
                #expect(try await expectScenario("sync-lock-raw", path, "recover").contains("poisoned"))
                let lock = try await ProcessLock(at: .file(path), .open, byteCount: 16)
                #expect(lock.isPoisoned)
                let code = await failure { () async throws(IPCError) in try await lock.lock() }?.code
                #expect(code == .poisoned)
                try await lock.repair { bytes in bytes.storeBytes(of: UInt64(1), toByteOffset: 8, as: UInt64.self) }
                #expect(!lock.isPoisoned)
                #expect(try await expectScenario("sync-lock-raw", path, "recover") == "whole 1\n")
            }
        }
    }

    @Test func resetGivesUpWhatIsThere() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/raw"
                let lock = try await ProcessLock(at: .file(path), byteCount: 16)
                let holder = try await Peer.start("sync-lock-raw", path, "hold")
                _ = try await holder.line()
                _ = try await holder.line()
                try await holder.kill()
                // Without a recovery there is nobody to repair it.
                let code = await failure { () async throws(IPCError) in
                    try await lock.lock(until: .after(.seconds(60)))
                }?.code
                #expect(code == .poisoned)
                try await lock.reset()
                #expect(try await expectScenario("sync-lock-raw", path, "recover") == "whole 0\n")
            }
        }
    }
}
