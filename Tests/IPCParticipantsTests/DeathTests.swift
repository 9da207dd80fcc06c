import IPCCore
import IPCParticipants
import IPCProcess
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// What others see of a process that dies, execs, stops or forks.
@Suite(.watched) struct DeathTests {
    /// The kernel marks the token; this process's keeper announces it without being asked.
    @Test func aDeathIsAnnounced() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/region"
                let region = try TestRegion(path, slotCount: 8)
                let participant = try await region.attach()
                for round in 1...10 as ClosedRange<UInt64> {
                    let (member, owner) = try await Member.join(path, slotCount: 8)
                    #expect(owner.slot == Int(round) && owner.generation == 1 || round > 7)
                    let before = region.table.deathCount.loadAcquiring()
                    #expect(region.table.isLive(owner))
                    try await member.kill()
                    // The process is reaped, so its token is marked; what follows is the keeper's.
                    #expect(region.table.isDead(owner))
                    try await eventually { region.table.deathCount.loadAcquiring() != before }
                    try await eventually { region.table.records[owner.slot].isAnnounced }
                }
                try await participant.detachAndWait(until: .after(.seconds(60)))
            }
        }
    }

    /// A thread of the dead may take a wake-up with it after the first announcement, so there is one more, and the mark, when
    /// all of them are gone.
    @Test func aDeathIsAnnouncedAgainWhenAllThreadsAreGone() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/region"
                let region = try TestRegion(path, slotCount: 8)
                for knowsOfThreads in [true, false] {
                    let (member, owner) = try await Member.join(path, slotCount: 8)
                    try await member.kill()
                    if !knowsOfThreads { region.forgetLifeLock(owner.slot) }
                    let before = region.table.deathCount.loadAcquiring()
                    #expect(!region.table.records[owner.slot].isAnnounced)
                    #expect(region.table.sweep(file: region.file.number) == 1)
                    #expect(region.table.records[owner.slot].isAnnounced)
                    #expect(region.table.deathCount.loadAcquiring() == before + (knowsOfThreads ? 1 : 2))
                    #expect(region.table.sweep(file: region.file.number) == 0)
                }
            }
        }
    }

    /// Whoever waits for a lock gets it when its owner is killed, with nobody but his own keeper to tell him.
    @Test func aWaiterTakesOver() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/region"
                let (owner, _) = try await Member.join(path, slotCount: 8)
                let (waiter, _) = try await Member.join(path, slotCount: 8)
                for _ in 0..<2 {
                    #expect(try await owner.ask("lock") == "locked")
                    try await waiter.order("lock")
                    // It sleeps: the word says so.
                    let region = try TestRegion(path, slotCount: 8)
                    let word = region.memory.bytes.word64(ParticipantLayout.byteCount(slotCount: 8))
                    try await eventually { word.loadAcquiring() & OwnerWord.sleepersBit != 0 }
                    #expect(try await owner.ask("unlock") == "unlocked")
                    #expect(try await waiter.line() == "locked")
                    #expect(try await waiter.ask("unlock") == "unlocked")
                }
                #expect(try await owner.ask("lock") == "locked")
                try await waiter.order("lock")
                try await owner.kill()
                #expect(try await waiter.line() == "taken over")
                try await waiter.kill()
            }
        }
    }

    /// A program that calls exec is dead for the region, though its process lives.
    @Test func execIsADeath() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/region"
                let region = try TestRegion(path, slotCount: 4)
                let participant = try await region.attach()
                let (member, owner) = try await Member.join(path, slotCount: 4)
                #expect(try await member.ask("exec") == "exec")
                try await eventually { region.table.records[owner.slot].isAnnounced }
                #expect(region.table.isDead(owner))
                #expect(try member.child.exitStatusIfEnded() == nil)
                try await member.kill()
                try participant.validate()
            }
        }
    }

    /// Two of those who watch a participant are stopped; a third one sees its death.
    @Test func stoppedWatchersDoNotHideADeath() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/region"
                let region = try TestRegion(path, slotCount: 8)
                let participant = try await region.attach()
                for _ in 0..<5 {
                    var members: [(member: Member, owner: OwnerWord)] = []
                    for _ in 0..<3 { members.append(try await Member.join(path, slotCount: 8)) }
                    let before = region.table.deathCount.loadAcquiring()
                    for index in 0..<2 { try members[index].member.child.send(.stop) }
                    try await members[2].member.kill()
                    try await eventually { region.table.records[members[2].owner.slot].isAnnounced }
                    #expect(region.table.deathCount.loadAcquiring() != before)
                    for index in 0..<2 {
                        try members[index].member.child.send(.continue)
                        #expect(try await members[index].member.ask("validate") == "valid")
                        try await members[index].member.kill()
                    }
                }
                try participant.validate()
            }
        }
    }

    @Test func aHostThatForks() async throws {
        try await withFolder { folder in
            for round in 0..<5 { _ = try await expectScenario("participant-fork", "\(folder)/region\(round)") }
        }
    }

    /// Swift's runtime takes the child's first thread for its parent's. Where two threads met at a type or a global for the first
    /// time, both hung, and the first step into a region starts a second thread.
    @Test func twoThreadsOfAForkedChildDoOneThingOnce() async throws {
        for _ in 0..<3 { _ = try await expectScenario("fork-once") }
    }

    @Test func aKernelWithoutWaitingOnSeveralWords() async throws {
        try await withFolder { folder in _ = try await expectScenario("participant-refused", "\(folder)/region") }
    }

    /// Forty regions need two keepers; each of them tells of a death in each region.
    @Test func manyRegionsHaveSeveralKeepers() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let regions = try (0..<40).map { try TestRegion("\(folder)/\($0)", slotCount: 8) }
                var participants: [Participant] = []
                for region in regions { participants.append(try await region.attach()) }
                #expect(try KeeperFacts.keeperCount >= 2)
                let options = ChildProcess.Options(standardInput: .pipe, standardOutput: .pipe)
                for ending in ["kill", "leave"] {
                    let child = try await ChildProcess.spawn(
                        .path(helperPath), arguments: ["participants-many", folder, "40"], options: options)
                    #expect(try await child.standardOutput.readLine(until: .after(.seconds(60))) == "in 40")
                    #expect(regions.allSatisfy { $0.table.liveCount == 2 })
                    let before = regions.map { $0.table.deathCount.loadAcquiring() }
                    if ending == "kill" {
                        _ = try await child.kill()
                    } else {
                        try await child.standardInput.write("\n")
                        #expect(try await child.standardOutput.readLine(until: .after(.seconds(60))) == "out")
                        #expect(try await child.exitStatus(until: .after(.seconds(60))).isSuccess)
                    }
                    for (region, count) in zip(regions, before) {
                        try await eventually { region.table.deathCount.loadAcquiring() != count }
                        #expect(region.table.liveCount == 1)
                    }
                }
                for participant in participants { try await participant.detachAndWait(until: .after(.seconds(60))) }
                #expect(regions.allSatisfy { $0.table.liveCount == 0 })
            }
        }
    }

    /// A file that comes from an earlier boot has no live participants, whatever its tokens say. Whoever believed to be in
    /// is told, and may come back, into the same slot and the same mapping too.
    @Test func anEarlierBootHasNoParticipants() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/region"
                let region = try TestRegion(path, slotCount: 4)
                let own = try await region.attach()
                let (member, owner) = try await Member.join(path, slotCount: 4)
                let count = region.table.deathCount.loadAcquiring()
                region.memory.bytes.word64(ParticipantLayout.bootIdentifier).storeSequential(4711)
                let (newcomer, newcomerOwner) = try await Member.join(path, slotCount: 4)
                #expect(newcomerOwner.slot == 0)
                #expect(region.table.deathCount.loadAcquiring() == count + 1)
                #expect(region.table.isDead(owner))
                #expect(region.table.isDead(OwnerWord(rawValue: own.ownerWord)))
                #expect(await failure { () throws(IPCError) in try own.validate() }?.code == .participantLost)
                #expect(try await member.ask("validate") == "failed participantLost")
                #expect(try await member.ask("again") == "in 1 2 \(OwnerWord(slot: 1, generation: 2).rawValue)")
                #expect(try await member.ask("validate") == "valid")
                let again = try await region.attach()
                #expect(again.slot == 2)
                own.detach()
                try again.validate()
                #expect(try await newcomer.ask("validate") == "valid")
                #expect(region.table.liveCount == 3)
                try await again.detachAndWait(until: .after(.seconds(60)))
                // Into the same slot, through the same mapping: its death is still seen.
                try await member.kill()
                try await eventually { region.table.records[1].isAnnounced }
                try await newcomer.kill()
                #expect(region.table.liveCount == 0)
            }
        }
    }

    /// The short form of the storm; `.ci/long.d/participant-storm` has the long one.
    @Test(arguments: [1, 2]) func aStorm(_ seed: Int) async throws {
        try await withFolder { folder in
            let text = try await expectScenario("participant-storm", "\(folder)/region", "3", "\(seed)")
            #expect(text.contains("0 intruders"))
        }
    }
}
