package import IPCCore
import IPCSystem

/// Before anybody takes over what a dead participant held.
extension Participant {
    /// How far the end of the participant that a lock word names has come. Ask only for one that is dead. Blocks nobody.
    package func departure(of owner: OwnerWord) -> ParticipantDeparture {
        table.departure(of: owner, file: file)
    }

    /// Waits until no thread of a dead participant runs any more, on a thread that may block: mostly some 100 microseconds,
    /// at most some 20 ms.
    package func waitUntilGone(_ owner: OwnerWord) {
        table.waitUntilGone([owner], file: file)
    }

    /// The same until a deadline. What cannot be ended is done on a thread of its own, which goes on after the deadline, so that
    /// the next one finds it done.
    ///
    /// - Throws: `.timedOut`; `.resourceExhausted` when the thread cannot be started.
    package func waitUntilGone(
        _ owner: OwnerWord, until deadline: Deadline, _ doing: StaticString
    ) throws(IPCError) {
        if deadline == .never { return waitUntilGone(owner) }
        var pace = DeparturePace()
        var state = departure(of: owner)
        while state == .leaving, !deadline.hasPassed, let pause = pace.next() {
            FutexWord().wait(while: 0, until: min(deadline.nanoseconds, MonotonicClock.nanoseconds + pause))
            state = departure(of: owner)
        }
        if state != .gone { try departures.waitBlocking(for: owner, of: self, until: deadline, doing) }
    }

    /// The same for a task. What may block is done on a thread of its own, which nobody waits for after the deadline or the
    /// cancellation.
    ///
    /// - Throws: `.cancelled`, `.timedOut`; `.resourceExhausted` when the thread cannot be started.
    package func waitUntilGone(
        _ owner: OwnerWord, until deadline: Deadline, _ doing: StaticString
    ) async throws(IPCError) {
        var pace = DeparturePace()
        let point = WaitEngine.shared.makeWaitPoint()
        while true {
            switch departure(of: owner) {
            case .gone: return
            case .leaving:
                if let pause = pace.next() {
                    try await sleep(point, pause, until: deadline, doing)
                    continue
                }
            case .unknown: break
            }
            if deadline.hasPassed { throw .timedOut(doing.description) }
            return try await departures.wait(for: owner, of: self, until: deadline, doing)
        }
    }

    private func sleep(
        _ point: WaitPoint, _ pause: UInt64, until deadline: Deadline, _ doing: StaticString
    ) async throws(IPCError) {
        do throws(IPCError) {
            try await point.wait(
                until: min(deadline, Deadline(nanoseconds: MonotonicClock.nanoseconds + pause)), doing)
        } catch {
            guard error.code == .timedOut, !deadline.hasPassed else { throw error }
        }
    }
}
