import IPCSystem
import TestSupport
import Testing

@testable import IPCParticipants

/// The words and the state machines, without processes.
@Suite(.watched) struct ValueTests {
    @Test(arguments: [0, 1, 63, 959], [1, 0x7fff, 0x8000, 1 << 31, (1 << 47) - 1] as [UInt64])
    func ownerWordsTellSlotAndGeneration(_ slot: Int, _ generation: UInt64) {
        let word = OwnerWord(slot: slot, generation: generation)
        #expect(word.slot == slot)
        #expect(word.generation == generation)
        #expect(word.rawValue & OwnerWord.sleepersBit == 0)
        #expect(!word.isFree)
        let slept = OwnerWord(rawValue: word.rawValue | OwnerWord.sleepersBit)
        #expect(slept.slot == slot)
        #expect(slept.generation == generation)
        #expect(slept.withoutSleepers == word)
        #expect(OwnerWord(rawValue: OwnerWord.sleepersBit).isFree)
    }

    @Test func tokensAreWhatTheKernelMakesOfThem() {
        let live = ParticipantToken.live(keeper: 4711)
        #expect(live.rawValue == 0x8000_0000 | 4711)
        #expect(live.isLive && !live.isDead && !live.isFree)
        let dead = ParticipantToken(0xC000_0000)
        #expect(!dead.isLive && dead.isDead && !dead.isFree)
        #expect(ParticipantToken.free.isFree && !ParticipantToken.free.isLive && !ParticipantToken.free.isDead)
    }

    @Test func theLastUserMakesTheProcessLeave() {
        var state = AttachmentState()
        #expect(state.mayAttach() == true)
        #expect(state.didAttach() == .nothing)
        #expect(state.retain() == true)
        #expect(state.release() == .nothing)
        #expect(state.release() == .detach)
        #expect(state.phase == .leaving)
        #expect(state.retain() == false)
        state.didEnd()
        #expect(state.retain() == false)
    }

    /// Who gives up before the keeper comes round is not attached; who comes meanwhile is.
    @Test func nobodyIsAttachedWhoDoesNotWantIt() {
        var state = AttachmentState()
        #expect(state.release() == .nothing)
        #expect(state.mayAttach() == false)
        #expect(state.phase == .ended)

        state = AttachmentState()
        #expect(state.release() == .nothing)
        #expect(state.retain() == true)
        #expect(state.mayAttach() == true)
        #expect(state.didAttach() == .nothing)

        state = AttachmentState()
        #expect(state.mayAttach() == true)
        #expect(state.release() == .nothing)
        #expect(state.didAttach() == .detach)
        #expect(state.phase == .leaving)
    }

    /// The words of a hostile peer: nothing traps, and what has no owner is nobody's.
    @Test func wordsThatNobodyWroteAreHarmless() async throws {
        try await withFolder { folder in
            let region = try TestRegion("\(folder)/region", slotCount: 4)
            var random = SystemRandomNumberGenerator()
            for _ in 0..<10_000 {
                let word = OwnerWord(rawValue: random.next())
                _ = region.table.isDead(word)
            }
            for offset in stride(from: 0, to: ParticipantLayout.byteCount(slotCount: 4), by: 8) {
                region.memory.bytes.word64(offset).storeRelaxed(random.next())
            }
            for _ in 0..<100 {
                region.table.sweep(file: region.file.number)
                _ = region.table.records
            }
            #expect(region.table.isDead(OwnerWord(slot: 4, generation: 1)))
            #expect(!region.table.isDead(OwnerWord(rawValue: 0)))
        }
    }

    /// Each point has a name of its own in the sources, and the storm knows them all.
    @Test func killPointsAreListed() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        var found: [String] = []
        for file in ["Table/ParticipantTable+Membership", "Table/ParticipantTable+Sweep", "Keeping/KeeperRun"] {
            let text = String(
                decoding: try TestingCalls.contents(of: "\(root)/Sources/IPCParticipants/\(file).swift"), as: UTF8.self)
            found += text.matches(of: /KillPoints\.pass\("participants-([a-z-]+)"\)/).map { String($0.1) }
        }
        #expect(found.count > 25)
        #expect(Set(found).count == found.count)
        let storm = String(
            decoding: try TestingCalls.contents(of: "\(root)/Tests/Helper/StormField.swift"), as: UTF8.self)
        for name in found { #expect(storm.contains("\"\(name)\""), "the storm does not know \(name)") }
        let tested = Set(KillPointTests.all.map(\.name))
        #expect(Set(found).subtracting(tested) == [])
    }
}
