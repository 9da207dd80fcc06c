import IPCProcess
import IPCSharedMemory
import IPCSync
import IPCSystem
import TestSupport
import Testing

/// A region for one test, by name.
func withSyncRegion(_ body: (String, SyncRegion) async throws -> Void) async throws {
    let name = Interop.freshName()
    defer { try? SharedMemory.remove(.named(name)) }
    try await body(name, try await SyncRegion(at: .named(name), .create))
}

@Suite(.watched) struct SyncObjectTests {
    /// The words of the participant table lie in the first mapping of the process, an object's in that of its own region.
    /// A thread looks at both for a moment after the last wait, when all of that may have gone.
    @Test func aWordIsMappedAsLongAsAThreadLooksAtIt() async throws {
        try await withFolder { folder in
            for _ in 0..<20 {
                let first = try await SyncRegion(at: .file("\(folder)/region"), .openOrCreate)
                let second = try await SyncRegion(at: .file("\(folder)/region"), .open)
                let event = try second.event("event", .manual)
                #expect(
                    await failure { () async throws(IPCError) in
                        try await event.wait(until: .after(.milliseconds(2)))
                    }?.code == .timedOut)
                withExtendedLifetime(first) {}
            }
            // Makes the thread look at all that it has.
            let event = try await SyncRegion().event("event", .manual)
            for _ in 0..<20 { _ = try? await event.wait(until: .after(.milliseconds(10))) }
        }
    }

    @Test func aManualEventLetsEverybodyPass() async throws {
        try await withSyncRegion { _, region in
            let event = try region.event("event", .manual)
            #expect(await Interop.code { try await event.wait(until: .after(.milliseconds(20))) } == .timedOut)
            let waiting = (0..<5).map { _ in Task { await Interop.code { try await event.wait() } } }
            while event.waiterCount < 5 { try await Task.sleep(for: .milliseconds(1)) }
            waiting[0].cancel()
            #expect(await waiting[0].value == .cancelled)
            event.set()
            for wait in waiting.dropFirst() { #expect(await wait.value == nil) }
            #expect(event.tryWait() && event.isSet)
            event.reset()
            #expect(!event.tryWait())
            #expect(await Interop.code { _ = try region.event("event", .automatic) } == .typeMismatch)
        }
    }

    @Test func anAutomaticEventLetsOnePassAndOutlivesKilledWaiters() async throws {
        try await withSyncRegion { name, region in
            let event = try region.event("event", .automatic)
            event.set()
            event.set()
            #expect(event.tryWait())
            #expect(!event.tryWait())
            for _ in 0..<5 {
                let before = event.waiterCount
                try await Interop.whileHelper(["object-event-wait", name], says: "waiting") { child in
                    while event.waiterCount == before { try await Task.sleep(for: .milliseconds(1)) }
                    _ = try await child.kill()
                }
                async let passed: Void = event.wait(until: .after(.seconds(60)))
                event.set()
                try await passed
                #expect(!event.isSet)
            }
        }
    }

    @Test func aLatchOpensAtZero() async throws {
        try await withSyncRegion { _, region in
            let latch = try region.latch("latch", count: 3)
            let waiting = Task { await Interop.code { try await latch.wait(until: .after(.seconds(60))) } }
            try latch.countDown()
            #expect(await Interop.code { try latch.countDown(by: 3) } == .invalidArgument)
            #expect(await Interop.code { try await latch.wait(until: .after(.milliseconds(10))) } == .timedOut)
            try latch.countDown(by: 2)
            #expect(await waiting.value == nil)
            #expect(latch.remaining == 0)
        }
    }

    @Test func whatAKilledProcessBeganIsDoneByTheNext() async throws {
        try await withSyncRegion { name, region in
            let once = try region.once("once")
            try await Interop.whileHelper(["object-once-die", name], says: "doing") { child in
                _ = try await child.exitStatus(until: .after(.seconds(60)))
            }
            #expect(!once.isDone)
            struct Failed: Error {}
            await #expect(throws: LockError<Failed>.self) {
                try await once.perform { (_: Bool) async throws(Failed) in throw Failed() }
            }
            var told: [Bool] = []
            for _ in 0..<2 { try await once.perform { (died: Bool) async throws(IPCError) in told.append(died) } }
            // The one that failed was told.
            #expect(told == [false])
            #expect(once.isDone)
        }
    }

    @Test func theNextLeadsWhenALeaderIsKilled() async throws {
        try await withSyncRegion { name, region in
            let election = try region.election("election")
            for round in 0..<5 as Range<UInt64> {
                try await Interop.whileHelper(["object-lead", name], says: "leads \(round * 2 + 1)") { child in
                    #expect(election.leader?.processID == child.processID)
                    async let next = election.campaign(until: .after(.seconds(60))).term
                    _ = try await child.kill()
                    #expect(try await next == round * 2 + 2)
                }
            }
        }
    }

    @Test func aLeaderIsAskedToResign() async throws {
        try await withSyncRegion { _, region in
            let election = try region.election("election")
            let leadership = try await election.campaign()
            let notice = leadership.notice
            let asked = Task { await Interop.code { try await notice.wait(until: .after(.seconds(60))) } }
            let isValid = leadership.isValid
            let isAskedEarly = leadership.isResignationRequested
            #expect(isValid && !isAskedEarly)
            election.requestResignation()
            #expect(await asked.value == nil)
            let isAsked = leadership.isResignationRequested
            #expect(isAsked)
            leadership.resign()
            #expect(election.leader == nil)
        }
    }

    /// A notice is of one term: the next one is another's, even if that is the same process.
    @Test func aNoticeEndsWithItsTerm() async throws {
        try await withSyncRegion { _, region in
            let election = try region.election("election")
            for round in UInt64(1)...5 {
                let first = try await election.campaign()
                let notice = first.notice
                let watching = Task { await Interop.code { try await notice.wait(until: .after(.seconds(60))) } }
                if round % 2 == 0 { try await Task.sleep(for: .milliseconds(20)) }
                first.resign()
                guard let second = try election.tryCampaign() else {
                    Issue.record("somebody else leads")
                    return
                }
                #expect(await watching.value == nil)
                #expect(await Interop.code { try await notice.wait(until: .after(.seconds(60))) } == nil)
                let (isValid, isAsked, term) = (second.isValid, second.isResignationRequested, second.term)
                #expect(isValid && !isAsked)
                #expect(term == 2 * round)
                #expect(
                    await Interop.code { try await second.waitUntilLost(until: .after(.milliseconds(20))) } == .timedOut
                )
                second.resign()
                #expect(election.leader == nil)
            }
        }
    }

    @Test func whoLeadsCannotCampaignAgain() async throws {
        try await withSyncRegion { _, region in
            let election = try region.election("election")
            let leadership = try await election.campaign()
            #expect(await Interop.code { _ = try await election.campaign() } == .busy)
            let other = Task {
                await Interop.code { _ = try await election.campaign(until: .after(.milliseconds(20))) }
            }
            #expect(await other.value == .timedOut)
            leadership.resign()
            #expect(await Interop.code { _ = try await election.campaign() } == nil)
        }
    }
}
