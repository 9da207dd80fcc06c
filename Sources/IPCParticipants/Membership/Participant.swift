package import IPCCore
package import IPCSystem

/// This process's part in a shared region: what it puts into lock words, and how it sleeps there.
///
/// All handles of a process to one region, through whatever mapping, share one slot of the region's participant table;
/// the slot is given back when the last handle has gone and nothing waits. The kernel gives it back when the process dies
/// or calls exec. In the child of a fork a handle is good for nothing (``validate()`` throws): attach anew there.
package final class Participant: Sendable {
    private let attachment: Attachment
    /// Keeps all words of the region mapped that somebody may sleep on through this: those of the mapping that it was made
    /// for, and those of the table, which lie in the first mapping of this process. Not the participant: its end is an event.
    package let mappings: any AnyObject & Sendable
    private let place: ParticipantPlace
    /// In memory that the child of a fork finds empty.
    @usableFromInline package let privateOwnerWord: SharedWord64
    private let hasDetached = Lock(false)

    private init(_ attachment: Attachment, _ place: ParticipantPlace, _ memory: MappedMemory) {
        self.attachment = attachment
        mappings = memory === attachment.memory ? memory : MappingPair(memory, attachment.memory)
        self.place = place
        privateOwnerWord = attachment.table.privateOwnerWord(of: place.slot)
    }

    private final class MappingPair: Sendable {
        private let own: MappedMemory
        private let first: MappedMemory

        init(_ own: MappedMemory, _ first: MappedMemory) { (self.own, self.first) = (own, first) }
    }

    /// Takes part in the region in `memory`: a shared, writable mapping from the start of the file that the descriptor
    /// `file` stands for, with `ParticipantLayout.privateBytesBelow` of private memory below it. The mapping, if it is the
    /// first of this process, stays until the last handle has gone; the descriptor may be closed.
    ///
    /// - Throws: `.resourceExhausted` when every slot has a live participant; `.timedOut` and `.cancelled`, mostly
    ///   because somebody stopped in the middle of attaching; `.invalidArgument` for memory of another shape;
    ///   `.permissionDenied` when the file cannot be opened for writing; `.unsupported` where a call is missing.
    package static func attach(
        to memory: MappedMemory, file: Int32, slotCount: Int = ParticipantLayout.usualSlotCount,
        until deadline: Deadline
    ) async throws(IPCError) -> Participant {
        let attachment = try join(memory, file, slotCount)
        do {
            let place = try await attachment.arrival.value(until: deadline, "attach to a shared region").get()
            return Participant(attachment, place, memory)
        } catch {
            attachment.release()
            throw error
        }
    }

    /// The same on a thread that may block: the only way in the child of a fork, in which no task runs.
    package static func attachBlocking(
        to memory: MappedMemory, file: Int32, slotCount: Int = ParticipantLayout.usualSlotCount,
        until deadline: Deadline
    ) throws(IPCError) -> Participant {
        let attachment = try join(memory, file, slotCount)
        do {
            let place = try attachment.arrival.wait(until: deadline, "attach to a shared region").get()
            return Participant(attachment, place, memory)
        } catch {
            attachment.release()
            throw error
        }
    }

    private static func join(_ memory: MappedMemory, _ file: Int32, _ slotCount: Int) throws(IPCError) -> Attachment {
        guard (1...ParticipantLayout.maximumSlotCount).contains(slotCount),
            memory.privateBytesBelow == ParticipantLayout.privateBytesBelow,
            memory.bytes.byteCount >= ParticipantLayout.byteCount(slotCount: slotCount)
        else {
            throw IPCError(
                .invalidArgument,
                "attach to a shared region: a mapping of \(memory.bytes.byteCount) bytes, \(memory.privateBytesBelow) "
                    + "of private memory below, cannot hold a table of \(slotCount) slots")
        }
        return try ParticipantProcess.current().join(memory, file: file, slotCount: slotCount)
    }

    deinit { detach() }

    package var table: ParticipantTable { attachment.table }
    /// Whether the two stand for this process in one region.
    package func isSameRegion(as other: Participant) -> Bool { attachment === other.attachment }
    var departures: DepartureThread { attachment.process.departures }
    /// The region's file.
    var file: Int32 { attachment.file.number }

    /// The slot, as an index of the table and of whatever has a cell for each participant.
    package var slot: Int { place.slot }
    package var generation: UInt64 { place.generation }

    /// What to put into a lock word: 0 in the child of a fork and after the process has detached, where nothing may be
    /// locked. One load.
    @inlinable
    package var ownerWord: UInt64 { privateOwnerWord.loadRelaxed() }

    /// Has everybody who sleeps in the region look again as after a death: for what this process gives up without the lock that
    /// it would need.
    package func announceLoss() { table.announceDeath() }

    /// Throws `.participantLost` unless the process is in the region, as everybody there sees it.
    package func validate() throws(IPCError) {
        guard attachment.process.isCurrent else {
            throw IPCError(
                .participantLost, "this process was forked from the one that attached to the region; attach anew")
        }
        guard privateOwnerWord.loadRelaxed() != 0, attachment.table.isIn(place) else {
            throw IPCError(.participantLost, "this process has no slot in the region any more; attach anew")
        }
    }

    /// Something begins that needs the slot: a call that waits, a lock that is held. Throws `.participantLost`.
    package func beginUse() throws(IPCError) {
        try validate()
        guard attachment.retain() else {
            throw IPCError(.participantLost, "this process leaves the region; attach anew")
        }
    }

    /// What began with ``beginUse()`` is over.
    package func endUse() {
        if attachment.process.isCurrent { attachment.release() }
    }

    /// Gives this handle up; more calls do nothing. The slot is given back when no handle and no use is left. Does not
    /// wait for that.
    package func detach() {
        guard attachment.process.isCurrent else { return }
        let isFirst = hasDetached.withLock { hasDetached in
            defer { hasDetached = true }
            return !hasDetached
        }
        if isFirst { attachment.release() }
    }

    /// Gives this handle up and waits until the process has left the region, which other handles and uses prevent.
    package func detachAndWait(until deadline: Deadline) async throws(IPCError) {
        detach()
        try await attachment.departure.value(until: deadline, "leave a shared region")
    }

    /// The same on a thread that may block.
    package func detachBlocking(until deadline: Deadline) throws(IPCError) {
        detach()
        try attachment.departure.wait(until: deadline, "leave a shared region")
    }

    /// Sleeps on the calling thread, which must be no task's, while `word` is `expected` and the region's death count is
    /// `deathCount`, until the deadline, and at most for `backstop` nanoseconds. A return is a hint: look again.
    ///
    /// The word may be in any mapping of the region that stays meanwhile.
    package func sleep(
        on word: SharedWord32, while expected: UInt32, deathCount: UInt32, until deadline: Deadline = .never,
        backstop: UInt64 = ParticipantTable.backstop
    ) throws(IPCError) {
        try beginUse()
        defer { endUse() }
        try attachment.table.sleep(
            on: word, while: expected, deathCount: deathCount, until: deadline, backstop: backstop)
    }
}
