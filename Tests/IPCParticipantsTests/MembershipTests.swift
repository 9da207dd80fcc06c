import IPCCore
import IPCParticipants
import IPCProcess
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// Coming and going, in this process and in others.
@Suite(.watched) struct MembershipTests {
    @Test func aProcessComesAndGoes() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let region = try TestRegion("\(folder)/region", slotCount: 4)
                var words: Set<UInt64> = []
                for round in 1...5 as ClosedRange<UInt64> {
                    let participant = try await region.attach()
                    try participant.validate()
                    #expect(participant.slot == 0)
                    #expect(participant.generation == round)
                    let owner = OwnerWord(rawValue: participant.ownerWord)
                    #expect(region.table.isLive(owner))
                    #expect(region.table.records[0].processID == ProcessFacts.processID)
                    words.insert(owner.rawValue)
                    try await participant.detachAndWait(until: .after(.seconds(60)))
                    #expect(region.table.isDead(owner))
                    #expect(participant.ownerWord == 0)
                    #expect(
                        await failure { () throws(IPCError) in try participant.validate() }?.code == .participantLost)
                    #expect(region.table.deathCount.loadAcquiring() == UInt32(round) + 1)
                }
                #expect(words.count == 5)
            }
        }
    }

    /// Two mappings, three handles, one slot; the first mapping stays as long as anybody needs it.
    @Test func aRegionThatIsMappedTwiceHasOneSlot() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let other = try TestRegion("\(folder)/region", slotCount: 4)
                var first: TestRegion? = try TestRegion("\(folder)/region", slotCount: 4)
                let one = try await first!.attach()
                let two = try await other.attach()
                let three = try await other.attach()
                #expect(one.ownerWord == two.ownerWord && two.ownerWord == three.ownerWord)
                #expect(other.table.liveCount == 1)
                first = nil
                one.detach()
                one.detach()
                three.detach()
                try two.validate()
                #expect(two.ownerWord != 0)
                // What waits or holds something keeps the slot when no handle does.
                try two.beginUse()
                two.detach()
                #expect(
                    await failure { () throws(IPCError) in
                        try await two.detachAndWait(until: .after(.milliseconds(50)))
                    }?.code == .timedOut)
                #expect(other.table.liveCount == 1)
                two.endUse()
                try await two.detachAndWait(until: .after(.seconds(60)))
                #expect(other.table.liveCount == 0)
            }
        }
    }

    @Test func aHandleThatIsDroppedIsGivenUp() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let region = try TestRegion("\(folder)/region", slotCount: 1)
                for _ in 0..<20 { _ = try await region.attach() }
                try await eventually { region.table.liveCount == 0 }
            }
        }
    }

    @Test func aFullTableSaysSoAndDeadSlotsAreUsedAtOnce() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/region"
                var members: [(member: Member, owner: OwnerWord)] = []
                for _ in 0..<3 { members.append(try await Member.join(path, slotCount: 3)) }
                #expect(Set(members.map(\.owner.slot)) == [0, 1, 2])
                let region = try TestRegion(path, slotCount: 3)
                let error = await failure { () throws(IPCError) in try await region.attach() }
                #expect(error?.code == .resourceExhausted)
                #expect(error?.message.contains("all 3 slots") == true)
                try await members[1].member.kill()
                let participant = try await region.attach()
                #expect(participant.slot == members[1].owner.slot)
                #expect(participant.generation == 2)
                #expect(region.table.isDead(members[1].owner))
                for (member, owner) in [members[0], members[2]] {
                    #expect(region.table.isLive(owner))
                    #expect(try await member.ask("validate") == "valid")
                    try await member.kill()
                }
                try await participant.detachAndWait(until: .after(.seconds(60)))
            }
        }
    }

    /// While somebody is in the middle of attaching, others wait, and may give up.
    @Test func attachingWaitsForTheRegionsLock() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let region = try TestRegion("\(folder)/region", slotCount: 2)
                let path = "\(folder)/region"
                let file = try FileCalls.open(path, .readWrite)
                let lock = try RangeLock.tryTake(file.number)
                #expect(try isLocked(file.number))
                #expect(
                    await failure { () throws(IPCError) in try await region.attach(within: .milliseconds(50)) }?.code
                        == .timedOut)
                let task = Task { await failure { () throws(IPCError) in try await region.attach() }?.code }
                try await Task.sleep(for: .milliseconds(30))
                task.cancel()
                #expect(await task.value == .cancelled)
                async let late = region.attach()
                try await Task.sleep(for: .milliseconds(30))
                #expect(region.table.liveCount == 0)
                release(lock)
                let participant = try await late
                #expect(region.table.liveCount == 1)
                try await participant.detachAndWait(until: .after(.seconds(60)))
                #expect(region.table.records.map(\.generation) == [1, 0])
            }
        }
    }

    private func release(_ lock: consuming RangeLock?) { _ = consume lock }

    private func isLocked(_ number: Int32) throws -> Bool {
        let lock = try RangeLock.tryTake(number)
        return lock == nil
    }

    @Test func memoryOfAnotherShapeIsRefused() async throws {
        try await withFolder { folder in
            let region = try TestRegion("\(folder)/region", slotCount: 4)
            let number = region.file.number
            let bare = try MappedMemory(number, byteCount: region.memory.bytes.byteCount)
            for (memory, slots) in [(bare, 4), (region.memory, 961), (region.memory, 0), (region.memory, 900)] {
                let error = await failure { () throws(IPCError) in
                    try await Participant.attach(to: memory, file: number, slotCount: slots, until: .never)
                }
                #expect(error?.code == .invalidArgument)
            }
        }
    }
}
