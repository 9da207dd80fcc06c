import IPCParticipants

/// A process that has a part in an object which several may have at once.
public struct ProcessShare: Sendable, Hashable {
    /// The process, by its number in the namespace of its own.
    public let processID: Int32
    /// Whether it is alive: what a dead one has does not count any more.
    public let isAlive: Bool
    /// How much it has: permits, readers, parties.
    public let count: Int

    package init(processID: Int32, isAlive: Bool, count: Int) {
        (self.processID, self.isAlive, self.count) = (processID, isAlive, count)
    }
}

extension ParticipantCells {
    /// Who has a count, as it was when it was asked: for people and monitoring.
    var shares: [ProcessShare] {
        (0..<participant.table.slotCount).compactMap { slot in
            guard let (owner, count) = share(slot) else { return nil }
            let record = participant.table.record(slot)
            return ProcessShare(
                processID: record.processID, isAlive: !participant.table.isDead(owner), count: count)
        }
    }
}
