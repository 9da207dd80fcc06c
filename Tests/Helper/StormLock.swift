import IPCCore
import IPCParticipants
import IPCSystem

/// A lock of the kind that the participant table is for: one word that names its owner, taken over when he is dead.
///
/// With a long backstop a lost wake-up is a hang, which a test sees.
struct StormLock {
    let participant: Participant
    let word: SharedWord64
    var backstop: UInt64 = 60_000_000_000

    /// The low half, on which threads sleep.
    private var futex: SharedWord32 { unsafe SharedWord32(word.address) }

    /// Takes the lock. True when its owner died with it.
    func lock() throws(IPCError) -> Bool {
        let own = participant.ownerWord
        if word.replace(0, with: own).isDone { return false }
        let table = participant.table
        var slept = false
        while true {
            let deaths = table.deathCount.loadAcquiring()
            let found = word.loadAcquiring()
            if found == 0 {
                if word.replace(0, with: own | (slept ? OwnerWord.sleepersBit : 0)).isDone { return false }
                continue
            }
            if table.isDead(OwnerWord(rawValue: found)) {
                DeathFence.passAll()
                if word.replace(found, with: own | OwnerWord.sleepersBit).isDone { return true }
                continue
            }
            let expected = found | OwnerWord.sleepersBit
            if found != expected, !word.replace(found, with: expected).isDone { continue }
            try participant.sleep(
                on: futex, while: UInt32(truncatingIfNeeded: expected), deathCount: deaths, backstop: backstop)
            slept = true
        }
    }

    func unlock() throws {
        let own = participant.ownerWord
        if word.replace(own, with: 0).isDone { return }
        let found = OwnerWord(rawValue: word.loadAcquiring())
        try require(found.withoutSleepers.rawValue == own, "the lock is \(found)'s")
        _ = word.exchange(0)
        SharedFutexCalls.wake(futex, 1)
    }
}
