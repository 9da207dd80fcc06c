import IPCCore
import IPCParticipants
import IPCSystem

/// What an object of a region says of itself to somebody who only looks.
package struct SyncObjectFacts: Sendable, Equatable {
    /// One that has the object, or a part of it.
    package struct Holder: Sendable, Equatable {
        /// Its number in the namespace of its own; nil when its place in the region is another's by now.
        package let processID: Int32?
        /// Its place in the region's table.
        package let slot: Int
        package let isAlive: Bool
        /// What it has: `owner`, `reads`, `2 permits`.
        package let part: String
        /// For how long at least; nil when nobody has taken the time. See ``LockHolder/heldForAtLeast``.
        package let heldForAtLeast: Duration?
    }

    /// Its name in the region; empty for the object of a region of its own.
    package let name: String
    /// What it is called: `mutex`, `leased semaphore`.
    package let kind: String
    /// In a few words: `free`, `held`, `owner died`, `read by 3`.
    package internal(set) var state: String
    package internal(set) var holders: [Holder] = []
    /// How many wait, about: more than there are when some of them were killed. Nil for objects that do not count them.
    package internal(set) var waiters: Int?
    /// Whether somebody has to do something about it: the next user, for a lock whose owner died; a person, for one that is
    /// poisoned or broken.
    package internal(set) var isInTrouble = false

    private init(_ name: String, _ kind: String, _ state: String) {
        (self.name, self.kind, self.state) = (name, kind, state)
    }

    init(_ name: String, _ kind: UInt32, _ bytes: SharedBytes, _ table: ParticipantTable) {
        let kind = SyncObjectKind(rawValue: kind)
        guard let known = SyncObjectReader.all(table.slotCount).first(where: { $0.kind == kind }) else {
            self.init(name, kind.description, "unknown")
            return
        }
        guard bytes.byteCount >= known.byteCount else {
            self.init(name, kind.description, "too small")
            return
        }
        self.init(name, kind.description, "")
        known.describe(&self, bytes, table)
    }

    /// Adds whoever has the lock at the start of `bytes`, and returns it.
    mutating func addOwner(_ part: String, _ bytes: SharedBytes, _ table: ParticipantTable) -> LockHolder? {
        let owner = OwnerWord(rawValue: bytes.word64(LockLayout.owner).loadAcquiring())
        guard let holder = LockHolder(bytes, table) else { return nil }
        holders.append(
            Holder(
                processID: holder.processID == 0 ? nil : holder.processID, slot: owner.slot, isAlive: holder.isAlive,
                part: part, heldForAtLeast: holder.heldForAtLeast))
        return holder
    }

    /// Adds each process that has a count in the cells at `offset`, with what `part` calls it, and returns the sums of the
    /// living and of the dead.
    mutating func addCounts(
        _ bytes: SharedBytes, _ offset: Int, _ table: ParticipantTable, _ part: (_ slot: Int, _ count: Int) -> String
    ) -> (living: Int, dead: Int) {
        var sums = (living: 0, dead: 0)
        for slot in 0..<table.slotCount {
            let found = ParticipantCells.read(bytes.word64(offset + slot * 8).loadAcquiring(), slot: slot)
            guard found.count > 0 else { continue }
            let isAlive = !table.isDead(found.owner)
            if isAlive { sums.living += found.count } else { sums.dead += found.count }
            holders.append(
                Holder(
                    processID: table.processID(of: found.owner), slot: slot, isAlive: isAlive,
                    part: part(slot, found.count), heldForAtLeast: nil))
        }
        return sums
    }
}

extension ParticipantCells {
    /// What the word of a slot says.
    static func read(_ value: UInt64, slot: Int) -> (owner: OwnerWord, count: Int) {
        (OwnerWord(slot: slot, generation: value >> 16), Int(value & countMask))
    }
}
