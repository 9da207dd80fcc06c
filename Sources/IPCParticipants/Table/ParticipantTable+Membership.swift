import IPCSystem

/// Where a participant is: its slot, its generation in it, and the token that the kernel changes when it dies.
package struct ParticipantPlace: Sendable, Equatable {
    package let slot: Int
    package let generation: UInt64
    let token: ParticipantToken
}

/// The steps of coming and going. Only keeper threads take them, under the region's lock; the order is what makes each of
/// them the last one without harm.
extension ParticipantTable {
    /// Takes a slot for the calling keeper: one that was never used or given back, else one of the dead. Nil when all
    /// participants live. `file` is the region's.
    func takeSlot(keeper thread: Int32, file: Int32) -> ParticipantPlace? {
        guard let index = chooseSlot() else { return nil }
        let slot = slot(index)
        if ParticipantToken(slot.token.loadAcquiring()).isDead { recycle(slot, index, file) }
        let generation = slot.generation.loadRelaxed() &+ 1
        // From here on the kernel looks at the token if we die; it is 0, so it would wake one watcher and no more.
        RobustList.beginChange(slot.token)
        KillPoints.pass("participants-attach-pending")
        slot.generation.storeReleasing(generation)
        KillPoints.pass("participants-attach-generation")
        describe(slot)
        let token = ParticipantToken.live(keeper: thread)
        slot.token.storeSequential(token.rawValue)
        KillPoints.pass("participants-attach-token")
        // It is there already if we were declared dead in this very slot.
        RobustList.unlink(slot.token)
        RobustList.prepareLink(slot.token)
        KillPoints.pass("participants-attach-prepared")
        RobustList.link(slot.token)
        KillPoints.pass("participants-attach-linked")
        RobustList.endChange()
        KillPoints.pass("participants-attach-listed")
        changeRoster()
        return ParticipantPlace(slot: index, generation: generation, token: token)
    }

    /// A free slot before a dead one: a dead one may be wanted by those who look into a death.
    private func chooseSlot() -> Int? {
        var dead: Int?
        for index in 0..<slotCount {
            let token = ParticipantToken(slot(index).token.loadAcquiring())
            if token.isFree { return index }
            if token.isDead && dead == nil { dead = index }
        }
        return dead
    }

    /// Makes a dead slot a free one: the dead process is made to stop, its death announced, and only then its token
    /// cleared; lock words that name it stay dead. The generation comes after that, or a slow keeper could take the new
    /// participant for the old one.
    private func recycle(_ slot: ParticipantSlot, _ index: Int, _ file: Int32) {
        waitUntilGone([OwnerWord(slot: index, generation: slot.generation.loadRelaxed())], file: file)
        announceDeath()
        KillPoints.pass("participants-recycle-announced")
        slot.token.storeReleasing(ParticipantToken.free.rawValue)
        KillPoints.pass("participants-recycle-freed")
    }

    private func describe(_ slot: ParticipantSlot) {
        slot.processID.storeRelaxed(UInt32(bitPattern: ProcessFacts.processID))
        slot.arrival.storeRelaxed(MonotonicClock.nanoseconds)
        slot.namespace.storeRelaxed(KernelFacts.processNamespace)
    }

    private func changeRoster() {
        rosterEpoch.add(1)
        KillPoints.pass("participants-roster-counted")
        SharedFutexCalls.wake(rosterEpoch)
        KillPoints.pass("participants-roster-woke")
    }

    /// Gives the slot of the calling keeper back. It counts as a death for lock words, and is announced as one. Killed on the
    /// way before that is done, the kernel marks the token and wakes a watcher, who announces it; after that there is nothing
    /// left to do but wake-ups.
    func giveBack(_ place: ParticipantPlace) {
        let slot = slot(place.slot)
        let own = privateOwnerWord(of: place.slot)
        // If it is another one, we were declared dead, and came back to the same slot: all of it belongs to that one.
        guard own.loadRelaxed() == OwnerWord(slot: place.slot, generation: place.generation).rawValue else { return }
        own.storeSequential(0)
        RobustList.beginChange(slot.token)
        KillPoints.pass("participants-detach-pending")
        // Before the token is free: the next one there may have a thread of the same number in another namespace.
        RobustList.unlink(slot.token)
        KillPoints.pass("participants-detach-unlinked")
        // If the token is not ours, we were declared dead, and the slot is free or somebody else's.
        if isIn(place) {
            // Nothing is in use here any more, so nobody need wait for the threads of this process.
            noteGone(slot, place.generation)
            KillPoints.pass("participants-detach-gone")
            // Dead before free, with the number that the kernel looks for: a free token it leaves alone, and if we were killed
            // then, nobody would announce that we have left.
            slot.token.storeSequential(place.token.leaving.rawValue)
            KillPoints.pass("participants-detach-dead")
            announceDeath()
            slot.announced.storeReleasing(place.generation)
            KillPoints.pass("participants-detach-announced")
            SharedFutexCalls.wake(slot.token)
            KillPoints.pass("participants-detach-token-woke")
            slot.token.storeSequential(ParticipantToken.free.rawValue)
            KillPoints.pass("participants-detach-freed")
        }
        RobustList.endChange()
        KillPoints.pass("participants-detach-ended")
        changeRoster()
    }

    /// Whether the participant is where it believes to be: nobody has declared it dead.
    func isIn(_ place: ParticipantPlace) -> Bool {
        let slot = slot(place.slot)
        return slot.token.loadAcquiring() == place.token.rawValue && slot.generation.loadAcquiring() == place.generation
    }

    /// Declares everybody dead if the table comes from an earlier boot of the machine: tokens of a file outlive what they
    /// stand for. Under the region's lock, before taking a slot. The identifier is written last and in two words, so
    /// whoever dies on the way leaves it to the next one.
    func forgetEarlierBoot(_ current: (UInt64, UInt64)) {
        let first = bytes.word64(ParticipantLayout.bootIdentifier)
        let second = bytes.word64(ParticipantLayout.bootIdentifier + 8)
        if first.loadAcquiring() == current.0 && second.loadAcquiring() == current.1 { return }
        announceDeath()
        KillPoints.pass("participants-boot-announced")
        for index in 0..<slotCount { slot(index).token.storeReleasing(ParticipantToken.free.rawValue) }
        KillPoints.pass("participants-boot-cleared")
        first.storeSequential(current.0)
        second.storeSequential(current.1)
    }
}
