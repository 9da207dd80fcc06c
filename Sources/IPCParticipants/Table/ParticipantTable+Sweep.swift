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
    /// The mark is a generation, and the token is read between two looks at the generation: otherwise a keeper that was
    /// slow could mark the slot's next participant, whose death would then never be announced.
    ///
    /// - Returns: how many deaths it announced.
    @discardableResult
    package func sweep() -> Int {
        var announced = 0
        for index in 0..<slotCount {
            let slot = slot(index)
            // More rounds than this are not newcomers but somebody who scribbles.
            for _ in 0..<8 {
                let generation = slot.generation.loadAcquiring()
                let token = ParticipantToken(slot.token.loadAcquiring())
                guard token.isDead else { break }
                guard slot.generation.loadAcquiring() == generation else { continue }
                guard slot.announced.loadAcquiring() < generation else { break }
                SharedFutexCalls.wake(slot.token)
                KillPoints.pass("participants-sweep-token")
                announceDeath()
                mark(slot, generation)
                KillPoints.pass("participants-sweep-marked")
                announced += 1
                break
            }
        }
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
