import IPCProcess
import IPCSharedMemory
import IPCSync
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// Signals, processors, forks, namespaces, many regions, few places: what a host may do to locks.
@Suite(.watched) struct SyncLimitTests {
    /// Half a second under a signal each millisecond: never early. How late is for the benchmarks.
    @Test func interruptedWaitsKeepTheirDeadlines() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let text = try await expectScenario("sync-deadlines", folder)
                #expect(text.hasPrefix("17 waits with "), "\(text)")
            }
        }
    }

    /// Two processes of a thousand tasks each, on one processor.
    @Test func aThousandTasksOnOneProcessorLeaveATickerAlone() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/pair"
                _ = try await ProcessMutex(at: .file(path), initial: SyncPair())
                let outputs = try await withThrowingTaskGroup(of: CommandOutput.self) { group in
                    for _ in 0..<2 {
                        group.addTask {
                            try await Command(
                                "taskset", arguments: ["-c", "0", helperPath, "sync-ticker", path]
                            ).output(until: .after(.seconds(150)))
                        }
                    }
                    return try await group.reduce(into: [CommandOutput]()) { $0.append($1) }
                }
                for output in outputs { #expect(output.status.isSuccess, "\(output.text) \(output.errorText)") }
            }
        }
    }

    @Test func theChildOfAForkHasNothingOfItsParents() async throws {
        try await withWatchdog(.seconds(200)) { _ = try await expectScenario("sync-fork-objects") }
    }

    @Test func nothingIsLeftOfAny() async throws {
        try await withWatchdog(.seconds(200)) {
            _ = try await expectScenario("sync-leave-nothing", Interop.freshName())
        }
    }

    /// A keeper thread serves 31 regions.
    @Test func theLocksOfManyRegionsAreRecovered() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                var mutexes: [ProcessMutex<SyncPair>] = []
                for index in 0..<70 {
                    mutexes.append(
                        try await ProcessMutex(at: .file("\(folder)/region-\(index)"), .create, initial: SyncPair()))
                }
                for _ in 0..<2 {
                    let peer = try await Peer.start("object-hold-regions", folder, "70")
                    #expect(try await peer.line() == "held")
                    let waits = mutexes.map { mutex in
                        Task {
                            let guarded = try await mutex.lock(until: .after(.seconds(60)))
                            return guarded.previousOwnerDied
                        }
                    }
                    try await peer.kill()
                    var told = 0
                    for wait in waits where try await wait.value { told += 1 }
                    #expect(told == 70)
                }
            }
        }
    }

    /// Processes and handles come and go for each change, others stay, and one is killed now and then.
    @Test func comingAndGoingUnderLoadLosesNothing() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/pair"
                let mutex = try await ProcessMutex(at: .file(path), initial: SyncPair())
                async let first = expectScenario("object-reopen", path, "60")
                async let second = expectScenario("object-reopen", path, "60")
                async let third: Void = {
                    for _ in 0..<100 {
                        let own = try await ProcessMutex(at: .file(path), .open, initial: SyncPair())
                        try await own.withLock { pair in (pair.count, pair.double) = (pair.count + 1, pair.double + 2) }
                    }
                }()
                for _ in 0..<10 {
                    let peer = try await Peer.start("sync-hold", path)
                    _ = try await peer.line()
                    try await peer.kill()
                }
                _ = try await (first, second, third)
                let pair = try await mutex.withLock(until: .after(.seconds(60))) { $0 }
                #expect(pair.count == 220 && pair.double == 440)
            }
        }
    }

    /// Two places, one of them the test's own: each process that comes takes the place of the dead one before it, some of
    /// them die on the way.
    @Test func placesOfTheDeadAreUsedAgain() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/pair"
                let mutex = try await ProcessMutex(at: .file(path), initial: SyncPair(), maximumProcesses: 2)
                let points = [
                    "recycle-announced", "recycle-freed", "attach-generation", "attach-token", "attach-linked",
                    "attach-unlocked",
                ]
                for round in 0..<18 {
                    let peer = try await Peer.start("sync-hold", path)
                    #expect(try await peer.line() == "held \(round > 0)")
                    try await peer.kill()
                    guard round % 3 == 0 else { continue }
                    let point = points[round / 3 % points.count]
                    let dying = try await Peer.start(
                        "sync-hold", path, environment: [KillPoints.variable: "participants-\(point):1"])
                    let status = try await dying.child.exitStatus(until: .after(.seconds(60)))
                    #expect(status == .signaled(.kill, coreDumped: false), "\(point): \(status)")
                }
                let peer = try await Peer.start("sync-hold", path)
                _ = try await peer.line()
                let output = try await Command(.path(helperPath), arguments: ["sync-count", path, "1", "1"]).output(
                    until: .after(.seconds(60)))
                #expect(!output.status.isSuccess && output.text.contains("resourceExhausted"), "\(output.text)")
                try await peer.kill()
                let guarded = try await mutex.lock(until: .after(.seconds(60)))
                let isNews = guarded.previousOwnerDied
                #expect(isNews)
            }
        }
    }

    /// The numbers of processes and threads in the two namespaces are the same, and mean nothing to the others.
    @Test func processesOfOtherNamespacesTakePart() async throws {
        let probe = try await Command("unshare", arguments: ["--pid", "--fork", "true"]).output()
        guard probe.status.isSuccess else {
            print("skipped: unshare is not permitted: \(probe.errorText)")
            return
        }
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/pair"
                let mutex = try await ProcessMutex(at: .file(path), initial: SyncPair(count: 3, double: 6))
                for _ in 0..<5 {
                    let first = try await Peer.startInNamespace("sync-hold", path)
                    #expect(try await first.line() == "held false")
                    #expect(mutex.holder?.processID == 1)
                    let second = try await Peer.startInNamespace("sync-hold", path)
                    while mutex.holder?.waiters != 1 { try await Task.sleep(for: .milliseconds(1)) }
                    let isFree = try mutex.withLockIfAvailable { _ in true } ?? false
                    #expect(!isFree)
                    try await first.kill()
                    #expect(try await second.line() == "held true")
                    let waiting = Task {
                        let guarded = try await mutex.lock(until: .after(.seconds(60)))
                        return (guarded.previousOwnerDied, guarded.value.count)
                    }
                    try await second.kill()
                    let (isNews, count) = try await waiting.value
                    #expect(isNews && count == 3)
                }
                let last = try await Peer.startInNamespace("sync-count", path, "2", "50")
                for _ in 0..<50 {
                    try await mutex.withLock { pair in (pair.count, pair.double) = (pair.count + 1, pair.double + 2) }
                }
                #expect(try await last.child.exitStatus(until: .after(.seconds(60))).isSuccess)
                let pair = try await mutex.withLock { $0 }
                #expect(pair.count == 153 && pair.double == 306)
            }
        }
    }

    /// A task holds a lock across suspensions and lets go on another thread than the one that took it.
    @Test func aTaskLetsGoOnAnotherThread() async throws {
        try await withWatchdog(.seconds(200)) {
            let region = try await SyncRegion()
            let mutex = try region.mutex("mutex", initial: 0)
            let shared = try region.readWriteLock("shared")
            // Whatever a suspension ends goes on on a new thread. One whose continuation is resumed before it has
            // suspended stays where it is: that turn does not count.
            let task = Task(executorPreference: OwnThreads()) {
                var moved = 0
                for _ in 0..<10_000 where moved < 20 {
                    let guarded = try await mutex.lock()
                    let writing = try await shared.lockForWriting()
                    let before = ProcessFacts.threadID
                    await withCheckedContinuation { continuation in
                        #expect(throws: Never.self) { try SystemThread.start("ipc-resume") { continuation.resume() } }
                    }
                    if ProcessFacts.threadID != before { moved += 1 }
                    guarded.value += 1
                    try writing.unlock()
                    try guarded.unlock()
                    #expect(mutex.holder == nil && shared.writer == nil)
                }
                return moved
            }
            #expect(try await task.value == 20)
        }
    }
}

extension Peer {
    /// The same in a process id namespace of its own, in which it is number 1.
    static func startInNamespace(_ arguments: String...) async throws -> Peer {
        let options = ChildProcess.Options(standardInput: .pipe, standardOutput: .pipe)
        return Peer(
            child: try await ChildProcess.spawn(
                .name("unshare"), arguments: ["--pid", "--fork", "--kill-child", helperPath] + arguments,
                options: options))
    }
}
