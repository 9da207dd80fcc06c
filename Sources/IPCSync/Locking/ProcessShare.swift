import IPCParticipants

/// A living process that has a part in an object which several may have at once. What a dead one had counts no more.
public struct ProcessShare: Sendable, Hashable {
    /// The process, by its number in the namespace of its own.
    public let processID: Int32
    /// How much it has: permits, readers, parties.
    public let count: Int

    package init(processID: Int32, count: Int) { (self.processID, self.count) = (processID, count) }
}

extension ParticipantCells {
    /// Who has a count, as it was when it was asked: for people and monitoring.
    var shares: [ProcessShare] {
        (0..<participant.table.slotCount).compactMap { slot in
            guard let (owner, count) = share(slot), participant.table.isLive(owner) else { return nil }
            return ProcessShare(processID: participant.table.record(slot).processID, count: count)
        }
    }
}
