import IPCProcess
import IPCSync
import IPCSystem
import TestSupport
import Testing

/// Whether nothing was locked: comparing in `#expect` would want to copy it.
private func isNone(_ held: borrowing FileLock.Held?) -> Bool {
    switch held {
    case .some: false
    case .none: true
    }
}

@Suite(.watched) struct FileLockTests {
    private func withPath(_ body: (String) async throws -> Void) async throws {
        let path = "/tmp/\(Interop.freshName()).lock"
        defer { try? FileCalls.unlink(path) }
        try await body(path)
    }

    @Test func locksExcludeAsTheirModesSay() async throws {
        try await withPath { path in
            let first = try FileLock(at: path, .create)
            let second = try FileLock(at: path, .open)
            #expect(try first.conflict() == nil)
            let held = try await first.lock(.exclusive, until: .now)
            for mode in [FileLock.Mode.shared, .exclusive] {
                for lock in [first, second] {
                    let other = try lock.tryLock(mode)
                    let otherIsFree = !isNone(other)
                    #expect(!otherIsFree)
                }
            }
            #expect(try second.conflict(with: .shared)?.mode == .exclusive)
            held.release()
            let one = try first.tryLock(.shared)
            let two = try second.tryLock(.shared)
            let areShared = !isNone(one) && !isNone(two)
            #expect(areShared)
            let alone = try second.tryLock(.exclusive)
            let aloneIsFree = !isNone(alone)
            #expect(!aloneIsFree)
        }
    }

    @Test func rangesAreIndependent() async throws {
        try await withPath { path in
            let low = try FileLock(at: path, range: 0..<10)
            let high = try FileLock(at: path, range: 10..<20)
            let both = try FileLock(at: path, range: 9..<11)
            let held = try await low.lock(until: .now)
            let other = try high.tryLock()
            let otherIsFree = !isNone(other)
            #expect(otherIsFree)
            #expect(try both.conflict()?.byteCount == 10)
            held.release()
            _ = consume other
            #expect(try both.conflict() == nil)
        }
    }

    @Test func aWaitEndsByDeadlineAndCancellationAndLocksNothing() async throws {
        try await withPath { path in
            let lock = try FileLock(at: path)
            let held = try await lock.lock()
            let begin = Deadline.after(.milliseconds(40))
            #expect(await Interop.code { _ = try await lock.lock(until: .after(.milliseconds(40))) } == .timedOut)
            #expect(begin.hasPassed)
            let waiting = Task { await Interop.code { _ = try await lock.lock() } }
            try await Task.sleep(for: .milliseconds(20))
            waiting.cancel()
            #expect(await waiting.value == .cancelled)
            held.release()
            let next = try lock.tryLock()
            let nextIsFree = !isNone(next)
            #expect(nextIsFree)
        }
    }

    @Test func theLockOfAKilledProcessIsFree() async throws {
        try await withPath { path in
            let lock = try FileLock(at: path)
            for mode in ["exclusive", "shared"] {
                try await Interop.whileHelper(["file-lock-hold", path, mode], says: "held") { child in
                    let early = try lock.tryLock(.exclusive)
                    let earlyIsFree = !isNone(early)
                    #expect(!earlyIsFree)
                    async let next = lock.lock(until: .after(.seconds(60))).mode
                    _ = try await child.kill()
                    #expect(try await next == .exclusive)
                }
            }
        }
    }

    @Test func theChildOfAForkKeepsItsOwnLocks() async throws {
        try await withPath { path in _ = try await Interop.helper("file-lock-fork", path) }
    }

    @Test func processesThatCountLoseNothing() async throws {
        try await withPath { path in
            let counter = path + ".count"
            _ = try FileCalls.open(counter, [.writeOnly, .create])
            defer { try? FileCalls.unlink(counter) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask { try await Interop.helper("file-lock-count", path, counter, "100") }
                }
                try await group.waitForAll()
            }
            #expect(String(decoding: try TestingCalls.contents(of: counter), as: UTF8.self) == "300")
        }
    }

    /// Locks of lockf(3) count: those of other programs.
    @Test func pythonsLockExcludesOurs() async throws {
        try await withPath { path in
            let lock = try FileLock(at: path)
            let program =
                "import fcntl,sys\nf=open('\(path)','r+')\nfcntl.lockf(f,fcntl.LOCK_EX)\nprint('held',flush=True)\nsys.stdin.read()"
            try await withChildProcess(
                .name("python3"), arguments: ["-c", program],
                options: ChildProcess.Options(standardInput: .pipe, standardOutput: .pipe)
            ) { child in
                var lines = try child.standardOutput.lines.makeAsyncIterator()
                #expect(try await lines.next() == "held")
                let taken = try lock.tryLock(.shared)
                let takenIsFree = !isNone(taken)
                #expect(!takenIsFree)
                #expect(try lock.conflict()?.processID == child.processID)
                _ = try await child.kill()
            }
        }
    }

    /// A shared lock becomes no exclusive one: its holder stands in its own way, until it lets go.
    @Test func thereIsNoUpgrade() async throws {
        try await withPath { path in
            let lock = try FileLock(at: path)
            try await Interop.whileHelper(["file-lock-hold", path, "shared"], says: "held") { child in
                let shared = try await lock.lock(.shared, until: .after(.seconds(60)))
                let early = try lock.tryLock(.exclusive)
                let earlyIsFree = !isNone(early)
                #expect(!earlyIsFree)
                _ = try await child.kill()
                _ = try await child.exitStatus(until: .after(.seconds(60)))
                #expect(
                    await Interop.code { _ = try await lock.lock(.exclusive, until: .after(.milliseconds(30))) }
                        == .timedOut)
                shared.release()
                let alone = try lock.tryLock(.exclusive)
                let aloneIsFree = !isNone(alone)
                #expect(aloneIsFree)
            }
        }
    }

    @Test func badInputIsATypedError() async throws {
        try await withPath { path in
            #expect(await Interop.code { _ = try FileLock(at: path, .open) } == .notFound)
            #expect(await Interop.code { _ = try FileLock(at: "/tmp") } == .alreadyExists)
            #expect(await Interop.code { _ = try FileLock(at: path, range: 5..<5) } == .invalidArgument)
            _ = try FileLock(at: path, .create)
            #expect(await Interop.code { _ = try FileLock(at: path, .create) } == .alreadyExists)
        }
    }
}
