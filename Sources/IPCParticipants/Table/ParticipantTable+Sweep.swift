import IPCSystem

extension ParticipantTable {
    /// Counts a death and wakes everybody who sleeps in the region, so that each looks again.
    func announceDeath() {
        deathCount.add(1)
        KillPoints.pass("participants-counted")
        SharedFutexCalls.wake(deathCount)
        KillPoints.pass("participants-woke")
    }

    /// Announces each death that has not been announced. Any participant may, any number of times, and die on the way:
    /// the mark comes last, so the next one does it again.
    ///
    /// At once, and again when all threads of the dead are gone: a thread that sleeps or is about to may take a wake-up
    /// after the first time, one that was for a single sleeper, and be killed with it. Waits for that, 20 ms at most.
    ///
    /// The mark is a generation, and the token is read between two looks at the generation: otherwise a keeper that was
    /// slow could mark the slot's next participant, whose death would then never be announced.
    ///
    /// - Parameter file: the region's.
    /// - Returns: how many deaths it announced.
    @discardableResult
    package func sweep(file: Int32) -> Int {
        var announced = 0
        var leaving: [OwnerWord] = []
        var toMark: [(slot: ParticipantSlot, generation: UInt64)] = []
        for index in 0..<slotCount {
            let slot = slot(index)
            // More rounds than this are not newcomers but somebody who scribbles.
            for _ in 0..<8 {
                let generation = slot.generation.loadAcquiring()
                let token = ParticipantToken(slot.token.loadAcquiring())
                guard token.isDead else { break }
                guard slot.generation.loadAcquiring() == generation else { continue }
                guard slot.announced.loadAcquiring() < generation else { break }
                let owner = OwnerWord(slot: index, generation: generation)
                let isGone = departure(of: owner, file: file) == .gone
                SharedFutexCalls.wake(slot.token)
                KillPoints.pass("participants-sweep-token")
                announceDeath()
                announced += 1
                if isGone {
                    mark(slot, generation)
                } else {
                    leaving.append(owner)
                    toMark.append((slot, generation))
                }
                KillPoints.pass("participants-sweep-marked")
                break
            }
        }
        if leaving.isEmpty { return announced }
        waitUntilGone(leaving, file: file)
        KillPoints.pass("participants-sweep-gone")
        announceDeath()
        for (slot, generation) in toMark { mark(slot, generation) }
        return announced
    }

    private func mark(_ slot: ParticipantSlot, _ generation: UInt64) {
        var known = slot.announced.loadAcquiring()
        while known < generation {
            let (isDone, found) = slot.announced.replaceSequential(known, with: generation)
            if isDone { return }
            known = found
        }
    }

    /// Puts the tokens of the next `count` live slots after `own` into `waitSet`, as they are now.
    ///
    /// - Returns: false when a death on the way has not been announced: sweep again.
    func watchSuccessors(of own: Int, count: Int, in waitSet: inout FutexWaitSet) -> Bool {
        var found = 0
        for distance in 1..<max(1, slotCount) where found < count {
            let slot = slot((own + distance) % slotCount)
            let token = ParticipantToken(slot.token.loadAcquiring())
            if token.isFree { continue }
            if token.isDead {
                if slot.announced.loadAcquiring() < slot.generation.loadAcquiring() { return false }
                continue
            }
            waitSet.add(slot.token, token.rawValue)
            found += 1
        }
        return true
    }
}
