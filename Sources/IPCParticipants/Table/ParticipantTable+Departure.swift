import IPCSystem

/// How far the end of a participant that others call dead has come.
package enum ParticipantDeparture: Sendable, Equatable {
    /// No thread of the process writes into the region any more, and what they wrote is seen here.
    case gone
    /// Threads of the process may still be on their way out: look again soon.
    case leaving
    /// It cannot be told from here: `DeathFence.passAll()` makes sure.
    case unknown
}

extension ParticipantTable {
    /// Whether all threads of a dead participant are gone.
    ///
    /// A token is marked when the *keeper thread* dies; siblings on other processors may run user code until the
    /// interrupt that kills them arrives. To make every processor pass through the kernel takes 14 ms (membarrier), so the
    /// participant's own lock tells: it belongs to an open file that all threads of the process share, and the kernel drops
    /// it when the last of them has closed its descriptors, which a thread does after its last instruction in user space.
    /// That also covers what the barrier does not, a system call that still copies into the region. To ask costs half a
    /// microsecond. The lock outlives the process where a child that was cloned past the handlers of fork(2) keeps the
    /// descriptor, and by the time that it takes to free the memory of a large process: hence the bound on looking, and the
    /// barrier behind it.
    func departure(of owner: OwnerWord, file: Int32) -> ParticipantDeparture {
        guard (0..<slotCount).contains(owner.slot) else { return .gone }
        let slot = slot(owner.slot)
        let token = ParticipantToken(slot.token.loadAcquiring())
        let generation = slot.generation.loadAcquiring()
        // Whoever gave the slot to somebody else made sure, and so did whoever cleared its token: a participant that left
        // had nothing in use, and one of an earlier boot does not run.
        guard generation & OwnerWord.generationMask == owner.generation, !token.isFree else { return .gone }
        if slot.gone.loadAcquiring() >= generation { return .gone }
        guard slot.held.loadAcquiring() == generation,
            let isHeld = try? LifeLock.isHeld(file, byte: ParticipantLayout.lifeByte(of: owner.slot))
        else { return .unknown }
        if isHeld {
            // By the next one in the slot, perhaps.
            return slot.generation.loadAcquiring() == generation ? .leaving : .gone
        }
        noteGone(slot, generation)
        return .gone
    }

    /// Notes for everybody that all threads of a dead participant are gone: after the barrier.
    func noteGone(_ owner: OwnerWord) {
        guard (0..<slotCount).contains(owner.slot) else { return }
        let slot = slot(owner.slot)
        let generation = slot.generation.loadAcquiring()
        if generation & OwnerWord.generationMask == owner.generation { noteGone(slot, generation) }
    }

    func noteGone(_ slot: ParticipantSlot, _ generation: UInt64) {
        var known = slot.gone.loadAcquiring()
        while known < generation {
            let (isDone, found) = slot.gone.replaceSequential(known, with: generation)
            if isDone { return }
            known = found
        }
    }

    /// Waits, on a thread that may block, until all threads of dead participants are gone: mostly some 100 microseconds, at
    /// most some 20 ms, however many they are.
    func waitUntilGone(_ owners: [OwnerWord], file: Int32) {
        var pace = DeparturePace()
        for owner in owners {
            var state = departure(of: owner, file: file)
            while state == .leaving, let pause = pace.next() {
                FutexWord().wait(while: 0, until: MonotonicClock.nanoseconds + pause)
                state = departure(of: owner, file: file)
            }
            if state == .gone { continue }
            DeathFence.passAll()
            for owner in owners { noteGone(owner) }
            return
        }
    }
}

/// How long to wait between looks at a process that is on its way out: 50 microseconds at first, 5 ms in all.
package struct DeparturePace {
    private var pause: UInt64 = 50_000
    private var left: UInt64 = 5_000_000

    package init() {}

    /// Nanoseconds to wait; nil when that was long enough.
    package mutating func next() -> UInt64? {
        guard left > 0 else { return nil }
        defer {
            left -= min(left, pause)
            pause = min(pause * 2, 1_600_000)
        }
        return pause
    }
}
