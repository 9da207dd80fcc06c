package import IPCCore
package import IPCSystem

extension ParticipantTable {
    /// Sleeps on the calling thread while `word` is `expected` and the death count is `seen`; see `Participant.sleep`.
    ///
    /// - Returns: whether a whole backstop has passed without a change: with every wake-up in order that means that there
    ///   was nothing to do.
    @discardableResult
    package func sleep(
        on word: SharedWord32, while expected: UInt32, deathCount seen: UInt32, until deadline: Deadline = .never,
        backstop: UInt64 = ParticipantTable.backstop
    ) throws(IPCError) -> Bool {
        let (end, overflow) = MonotonicClock.nanoseconds.addingReportingOverflow(backstop)
        do {
            return try FutexWaitSet.wait(
                while: word, is: expected, and: deathCount, is: seen,
                until: min(overflow ? .max : end, deadline.nanoseconds))
        } catch {
            throw IPCError(error, "sleep in a shared region")
        }
    }

    /// What the participant in `slot` of this process puts into lock words.
    func privateOwnerWord(of slot: Int) -> SharedWord64 {
        bytes.privateOwnerWord(below: ParticipantLayout.byteCount(slotCount: slot))
    }
}
