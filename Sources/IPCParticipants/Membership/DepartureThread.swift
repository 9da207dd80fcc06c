import IPCCore
import IPCSystem

/// Makes sure on behalf of tasks that the dead are gone, which takes a thread some 20 ms: one thread, which starts with the
/// first who needs it and ends when there is nothing left to do.
///
/// Not the thread for calls on files: a slow disk there must not keep a dead owner's lock from others.
/// One for each `ParticipantProcess`: in the child of a fork the parent's does not run.
final class DepartureThread: Sendable {
    /// One dead participant, and all tasks that wait for its end.
    private struct Departure {
        let participant: Participant
        let owner: OwnerWord
        let outcome: Outcome<Void>
    }

    private struct State {
        var departures: [Departure] = []
        var runs = false
    }

    private let state = Lock(State())

    /// Waits until no thread of the dead participant runs any more.
    ///
    /// - Throws: `.cancelled`, `.timedOut`, at that moment; `.resourceExhausted` when the thread cannot be started.
    func wait(
        for owner: OwnerWord, of participant: Participant, until deadline: Deadline, _ doing: StaticString
    ) async throws(IPCError) {
        try await outcome(for: owner, of: participant, doing).value(until: deadline, doing)
    }

    /// The same on a thread that may block. - Throws: `.timedOut`, `.resourceExhausted`.
    func waitBlocking(
        for owner: OwnerWord, of participant: Participant, until deadline: Deadline, _ doing: StaticString
    ) throws(IPCError) {
        try outcome(for: owner, of: participant, doing).wait(until: deadline, doing)
    }

    private func outcome(
        for owner: OwnerWord, of participant: Participant, _ doing: StaticString
    ) throws(IPCError) -> Outcome<Void> {
        try state.withLock { state throws(IPCError) -> Outcome<Void> in
            let known = state.departures.first { $0.owner == owner && $0.participant.isSameRegion(as: participant) }
            if let known { return known.outcome }
            if !state.runs {
                try mapping("\(doing)") { () throws(SystemCallError) in
                    try SystemThread.start("ipc-departures") { self.run() }
                }
                state.runs = true
            }
            let outcome = Outcome<Void>()
            state.departures.append(Departure(participant: participant, owner: owner, outcome: outcome))
            return outcome
        }
    }

    private func run() {
        while let next = state.withLock({ state -> Departure? in
            state.runs = !state.departures.isEmpty
            return state.departures.first
        }) {
            next.participant.waitUntilGone(next.owner)
            state.withLock { state in
                state.departures.removeAll { $0.outcome === next.outcome }
            }
            next.outcome.settle(())
        }
    }
}
