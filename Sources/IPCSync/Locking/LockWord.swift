import IPCCore
package import IPCParticipants
public import IPCSystem

/// A lock in shared memory as one 64-bit word that names its owner, a process: what every object of this module stands on.
///
/// Uncontended, taking and releasing it is one compare-and-exchange each, without a system call. The kernel says in the
/// participant table when an owner is dead; then the word still names it, and whoever replaces the name has the lock and
/// knows why. So each fact is one word, and a process may be killed between any two instructions:
///
/// - with the lock: the next one takes it from the dead, and is told;
/// - after it was freed and before a sleeper was woken, or as a sleeper that was just woken: the announcement of the death
///   wakes everybody who sleeps in the region;
/// - asleep: the sleepers' bit stays set, which costs the next owner one idle wake-up.
///
/// A view; whoever uses it keeps the region mapped, which the participant does.
@usableFromInline
package struct LockWord: Sendable {
    @usableFromInline let word: SharedWord64
    /// What this process puts into the word; 0 in the child of a fork.
    @usableFromInline let own: SharedWord64
    /// Whether somebody has waited for long.
    @usableFromInline let hungry: SharedWord32
    /// The mark that `local` keeps.
    @usableFromInline let holderMark: HolderMark
    let facts: SharedBytes
    let participant: Participant
    let local = LockLocal()

    /// The lock in the `LockLayout.byteCount` bytes at the start of `bytes`.
    package init(_ bytes: SharedBytes, _ participant: Participant) {
        word = bytes.word64(LockLayout.owner)
        own = participant.privateOwnerWord
        hungry = bytes.word32(LockLayout.hungry)
        holderMark = local.holder
        facts = bytes.slice(0, LockLayout.byteCount)
        self.participant = participant
    }

    /// The half of the word that is slept on.
    var futex: SharedWord32 { facts.word32(LockLayout.owner) }
    var since: SharedWord64 { facts.word64(LockLayout.since) }
    var waiters: SharedWord32 { facts.word32(LockLayout.waiters) }
    var table: ParticipantTable { participant.table }

    /// Takes the lock if it is free, nobody has waited for it for long, and this process may.
    @inlinable @inline(__always)
    func takeFree() -> Bool {
        let me = own.loadRelaxed()
        return me != 0 && hungry.loadRelaxed() == 0 && word.replace(0, with: me).isDone
    }

    /// Whether this process has the lock.
    @inlinable @inline(__always)
    package var isMine: Bool {
        let me = own.loadRelaxed()
        return me != 0 && word.loadAcquiring() & ~LockLayout.sleepersBit == me
    }

    /// Whether there is a point in trying: it is free, or its owner is dead. A hint.
    package var mayBeFree: Bool {
        let owner = OwnerWord(rawValue: word.loadRelaxed())
        return owner.isFree || participant.table.isDead(owner)
    }

    /// Lets go of the lock.
    ///
    /// - Returns: false, and nothing was done, when this process does not have it: it was forked from the one that has, or
    ///   was declared dead.
    @discardableResult
    package func unlock() -> Bool { unlockQuietly() || unlockWithSleepers() }

    /// Lets go of a lock that nobody sleeps for; false, and nothing was done, of any other.
    @inlinable @inline(__always)
    func unlockQuietly() -> Bool {
        let me = own.loadRelaxed()
        KillPoints.pass("sync-unlock-begins")
        guard me != 0, word.replace(me, with: 0).isDone else { return false }
        KillPoints.pass("sync-unlock-freed")
        return true
    }

    /// What ``unlock()`` does where there may be sleepers.
    @inline(never)
    func unlockWithSleepers() -> Bool {
        let me = own.loadRelaxed()
        guard me != 0, OwnerWord(rawValue: word.loadAcquiring()).withoutSleepers.rawValue == me else { return false }
        _ = word.exchange(0)
        KillPoints.pass("sync-unlock-exchanged")
        SharedFutexCalls.wake(futex, 1)
        KillPoints.pass("sync-unlock-woke")
        return true
    }

    /// Why this process cannot have a lock.
    func lost(_ doing: StaticString) -> IPCError {
        do throws(IPCError) {
            try participant.validate()
        } catch {
            return error
        }
        return IPCError(.participantLost, "\(doing): others took it over as if this process were dead; open it anew")
    }
}
