import IPCParticipants
import IPCProcess
import IPCSharedMemory
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

@testable import IPCSync

/// What is wrong is a typed error, and never a hang or a trap.
@Suite(.watched) struct BadInputTests {
    @Test func otherRegionsAreRefused() async throws {
        let name = Interop.freshName()
        let place = SharedMemoryPlace.named(name)
        defer { try? SharedMemory.remove(place) }
        // Plain bytes, then another layout, then another version of the layout.
        _ = try SharedMemory(at: place, .create, byteCount: 8192)
        for intent in [CreationIntent.open, .openOrCreate] {
            #expect(await Interop.code { _ = try await SyncRegion(at: place, intent) } == .wrongMagic)
            #expect(await Interop.code { _ = try await ProcessEvent(at: place, .manual, intent) } == .wrongMagic)
        }
        try SharedMemory.remove(place)
        _ = try SharedMemory(at: place, .create, byteCount: 8192, layout: RegionLayout("other"))
        #expect(await Interop.code { _ = try await SyncRegion(at: place, .open) } == .typeMismatch)
        try SharedMemory.remove(place)
        _ = try SharedMemory(
            at: place, .create, byteCount: 8192, layout: RegionLayout(SyncRegion.layout.name, version: 99))
        #expect(await Interop.code { _ = try await SyncRegion(at: place, .open) } == .wrongVersion)
        try SharedMemory.remove(place)
        // The right layout without places for processes, and one without a directory.
        _ = try SharedMemory(at: place, .create, byteCount: 8192, layout: SyncRegion.layout)
        #expect(await Interop.code { _ = try await SyncRegion(at: place, .open) } == .typeMismatch)
        try SharedMemory.remove(place)
        var options = SharedMemoryOptions()
        options.slotCount = 4
        _ = try SharedMemory(at: place, .create, byteCount: 8192, layout: SyncRegion.layout, options: options)
        #expect(await Interop.code { _ = try await SyncRegion(at: place, .open) } == .protocolViolation)
    }

    @Test func aRegionThatWasCutShortIsRefused() async throws {
        try await withFolder { folder in
            // Of a copy: whoever cuts a region that is in use stops its users with SIGBUS, as any mapped file's.
            let whole = "\(folder)/whole"
            let mutex = try await ProcessMutex(at: .file(whole), initial: SyncPair())
            for size in [0, 100, 4096, 8192, 9000] {
                let path = "\(folder)/region-\(size)"
                _ = try await Command("sh", "-c", "head -c \(size) \(whole) > \(path)").output().checked()
                let code = await Interop.code {
                    _ = try await ProcessMutex(at: .file(path), .open, initial: SyncPair())
                }
                #expect(
                    code == .protocolViolation || code == .wrongMagic || code == .truncated, "\(size): \(code as Any)")
            }
            #expect(mutex.holder == nil)
        }
    }

    @Test func sizesThatCannotBeAreRefused() async throws {
        let cases: [@Sendable () async throws -> Void] = [
            { _ = try await SyncRegion(options: SyncRegionOptions(byteCount: 0)) },
            { _ = try await SyncRegion(options: SyncRegionOptions(maximumObjects: 0)) },
            { _ = try await SyncRegion(options: SyncRegionOptions(maximumProcesses: 961)) },
            { _ = try await SyncRegion(options: SyncRegionOptions(byteCount: .max)) },
            { _ = try await SyncRegion(options: SyncRegionOptions(memory: SharedMemoryOptions(access: .readOnly))) },
            { _ = try await ProcessMutex(initial: 1, maximumProcesses: 0) },
            { _ = try await ProcessMutex(initial: 1, maximumProcesses: .max) },
            { _ = try await ProcessLock(byteCount: -1) },
            { _ = try await ProcessLock(byteCount: .max) },
            { _ = try await ProcessSemaphore(.leased, permits: 0) },
            { _ = try await ProcessSemaphore(.plain, permits: -1) },
            { _ = try await ProcessLatch(count: -1) },
            { _ = try await ProcessBarrier(parties: 0) },
            { _ = try await ProcessBarrier(parties: 65_536) },
        ]
        for (index, make) in cases.enumerated() {
            let code = await Interop.code(make)
            #expect(code == .invalidArgument, "case \(index): \(code as Any)")
        }
    }

    @Test func theWrongTypeIsRefusedByEachOfThem() async throws {
        try await withSyncRegion { _, region in
            _ = try region.mutex("x", initial: 1)
            let cases: [@Sendable () throws -> Void] = [
                { _ = try region.mutex("x", of: UInt.self) }, { _ = try region.lock("x", byteCount: 8) },
                { _ = try region.readWriteLock("x") }, { _ = try region.semaphore("x", .plain, permits: 1) },
                { _ = try region.semaphore("x", .leased, permits: 1) }, { _ = try region.condition("x") },
                { _ = try region.event("x", .manual) }, { _ = try region.latch("x", count: 1) },
                { _ = try region.barrier("x", parties: 1) }, { _ = try region.once("x") },
                { _ = try region.election("x") },
            ]
            for open in cases { #expect(await Interop.code(open) == .typeMismatch) }
            _ = try region.lock("y", byteCount: 8)
            #expect(await Interop.code { _ = try region.lock("y", byteCount: 16) } == .typeMismatch)
        }
    }

    /// Whoever has a region goes on when its name is gone, and so do those who share it.
    @Test func aNameThatIsRemovedDisturbsNobody() async throws {
        try await withSyncRegion { name, region in
            let event = try region.event("event", .automatic)
            let peer = try await Peer.start("object-wait", name, "event")
            #expect(try await peer.line() == "waiting")
            while event.waiterCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
            try SyncRegion.remove(.named(name))
            #expect(await Interop.code { _ = try await SyncRegion(at: .named(name), .open) } == .notFound)
            event.set()
            #expect(try await peer.line() == "passed")
            try await peer.kill()
        }
    }

    @Test func whatIsNotHeldCannotBeGivenBack() async throws {
        try await withSyncRegion { _, region in
            let semaphore = try region.semaphore("leased", .leased, permits: 2)
            #expect(await Interop.code { try await semaphore.give() } == .invalidArgument)
            #expect(await Interop.code { try await onThread { try semaphore.giveBlocking() } } == .invalidArgument)
            #expect(semaphore.available == 2)
            let barrier = try region.barrier("barrier", parties: 2)
            let party = try await barrier.join()
            party.leave()
            party.leave()
            #expect(barrier.memberCount == 0)
            #expect(await Interop.code { try await party.arrive() } == .closed)
            let latch = try region.latch("latch", count: 1)
            try latch.countDown()
            #expect(await Interop.code { try latch.countDown() } == .invalidArgument)
        }
    }

    /// The lock of a process that others hold for dead is somebody else's: what it does with it is refused, and a leader
    /// is told.
    @Test func aLockThatWasLostIsAnError() async throws {
        try await withWatchdog(.seconds(200)) {
            let region = try await SyncRegion()
            let mutex = try region.mutex("mutex", initial: 1)
            let election = try region.election("election")
            let shared = try region.readWriteLock("shared")
            let guarded = try await mutex.lock()
            guarded.value = 2
            let leadership = try await election.campaign()
            let notice = leadership.notice
            let told = Task { await Interop.code { try await notice.wait(until: .after(.seconds(60))) } }
            let stranger = OwnerWord(slot: 5, generation: 9).rawValue
            mutex.core.lock.word.storeSequential(stranger)
            election.lock.word.storeSequential(stranger)
            #expect(await told.value == nil)
            let isLeader = leadership.isValid
            #expect(!isLeader)
            var code: IPCError.Code?
            do throws(IPCError) { try guarded.unlock() } catch { code = error.code }
            #expect(code == .participantLost)
            // The stranger is nobody, so dead: the value is as it was.
            let value = try await mutex.withLock(until: .after(.seconds(60))) { $0 }
            #expect(value == 1)
            leadership.resign()
            let writing = await Interop.code {
                try await shared.write { () throws(IPCError) in shared.lock.word.storeSequential(stranger) }
            }
            #expect(writing == .participantLost)
            let other = try region.readWriteLock("other")
            let alone = try await other.lockForWriting()
            other.lock.word.storeSequential(stranger)
            code = nil
            do throws(IPCError) { try alone.unlock() } catch { code = error.code }
            #expect(code == .participantLost)
        }
    }

    @Test(.enabled(if: ProcessFacts.effectiveUser == 0, "needs root"))
    func strangersAreNotTrusted() async throws {
        let name = Interop.freshName()
        defer { try? SharedMemory.remove(.named(name)) }
        let nobody = [
            "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", helperPath, "sync-make-region", name,
        ]
        let made = try await Command("setpriv", arguments: nobody + ["666"]).output(until: .after(.seconds(60)))
        #expect(made.text == "made true\n", "\(made.text) \(made.errorText)")
        for intent in [CreationIntent.open, .openOrCreate] {
            #expect(await Interop.code { _ = try await SyncRegion(at: .named(name), intent) } == .permissionDenied)
        }
        #expect(try SyncRegion.list().first { $0.memory.name == name }?.objects == nil)
        try SyncRegion.remove(.named(name))
        let own = try await SyncRegion(at: .named(name), .create)
        let refused = try await Command("setpriv", arguments: nobody + ["600"]).output(until: .after(.seconds(60)))
        #expect(refused.text == "permissionDenied\n", "\(refused.text) \(refused.errorText)")
        #expect(own.names.isEmpty)
    }
}
