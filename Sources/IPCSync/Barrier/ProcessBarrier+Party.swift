public import IPCCore
import IPCSystem
import Synchronization

extension ProcessBarrier {
    /// One that takes part in each round until it leaves: by ``leave()``, or when nobody refers to it any more.
    public final class Party: Sendable {
        /// It has arrived, or is about to.
        private static let arrives: UInt8 = 1
        private static let hasLeft: UInt8 = 2

        private let barrier: ProcessBarrier
        private let phase = Atomic<UInt8>(0)

        init(_ barrier: ProcessBarrier) { self.barrier = barrier }

        deinit { leave() }

        /// Arrives, and waits until all have.
        ///
        /// Who gives up takes its arrival back under the lock of the barrier, which others have for some instructions: that
        /// is later than the deadline or the cancellation only while a process is stopped in there.
        ///
        /// - Throws: `.peerClosed` when a party has died; `.cancelled`, `.timedOut`: it has not arrived then; `.closed`
        ///   after ``leave()``, or when that comes meanwhile: it has not arrived then; `.busy` while this party is about to
        ///   arrive already; `.participantLost`, `.resourceExhausted`.
        public func arrive(until deadline: Deadline = .never) async throws(IPCError) {
            try begin()
            defer { end() }
            // Before the look for the dead in there: a death after it ends the first sleep.
            var deaths = barrier.sleeping.deathCount
            _ = try await barrier.lock.lock(until: deadline, "arrive at a barrier")
            guard let round = try arriveAndUnlock() else { return }
            while true {
                if try isOver(round) { return }
                do throws(IPCError) {
                    try check()
                    try await barrier.sleeping.sleep(
                        on: barrier.state, while: round, deaths, until: deadline, "wait at a barrier")
                    let now = barrier.sleeping.deathCount
                    if now != deaths {
                        _ = try await barrier.lock.lock(until: deadline, "wait at a barrier")
                        barrier.breakIfSomebodyDied()
                        deaths = now
                        barrier.lock.unlock()
                    }
                } catch {
                    if try await withdraw(from: round) { throw error }
                    if try isOver(round) { return }
                    throw error
                }
            }
        }

        /// The same on a thread that may block: never in a task.
        public func arriveBlocking(until deadline: Deadline = .never) throws(IPCError) {
            try begin()
            defer { end() }
            // Before the look for the dead in there: a death after it ends the first sleep.
            var deaths = barrier.sleeping.deathCount
            _ = try barrier.lock.lockBlocking(until: deadline, "arrive at a barrier")
            guard let round = try arriveAndUnlock() else { return }
            while true {
                if try isOver(round) { return }
                do throws(IPCError) {
                    try check()
                    try barrier.sleeping.sleepBlocking(
                        on: barrier.state, while: round, deaths, until: deadline, "wait at a barrier")
                    let now = barrier.sleeping.deathCount
                    if now != deaths {
                        _ = try barrier.lock.lockBlocking(until: deadline, "wait at a barrier")
                        barrier.breakIfSomebodyDied()
                        deaths = now
                        barrier.lock.unlock()
                    }
                } catch {
                    _ = try barrier.lock.lockBlocking(until: .never, "leave a barrier")
                    let isBack = barrier.withdraw(from: round)
                    barrier.lock.unlock()
                    if !isBack, try isOver(round) { return }
                    throw error
                }
            }
        }

        /// Is a party no more; the place is another's. Others who wait go on waiting for one in its place.
        ///
        /// An ``arrive(until:)`` of this party that still waits throws `.closed`, at once or in a moment, and until it has done
        /// so the party stays: a round that is complete first is complete with it.
        public func leave() {
            let before = phase.bitwiseOr(Self.hasLeft, ordering: .sequentiallyConsistent).oldValue
            if before & Self.hasLeft != 0 { return }
            guard before & Self.arrives != 0 else { return giveUpPlace() }
            if barrier.lock.own.loadRelaxed() != 0 { Task { await self.wakeArrival() } }
        }

        /// The word does not change, so a wake-up is a hint for all, and one that comes just before the sleep is lost: again
        /// until the arrival is over. No other one begins after that.
        private func wakeArrival() async {
            let point = WaitEngine.shared.makeWaitPoint()
            var pace = RetryPace(first: .milliseconds(1), limit: .milliseconds(100))
            while phase.load(ordering: .acquiring) & Self.arrives != 0 {
                SharedFutexCalls.wake(barrier.state)
                do throws(IPCError) {
                    try await pace.pause(at: point, until: .never, "leave a barrier")
                } catch {
                    return
                }
            }
        }

        private func giveUpPlace() {
            while barrier.lock.own.loadRelaxed() != 0 {
                let own = barrier.members.own
                if own == 0 || barrier.members.change(from: own, to: own - 1) { return }
            }
        }

        private func begin() throws(IPCError) {
            let before = phase.bitwiseOr(Self.arrives, ordering: .sequentiallyConsistent).oldValue
            if before & Self.arrives != 0 {
                throw IPCError(
                    .busy, "arrive at a barrier: this party is there already, for another task; join once more")
            }
            if before & Self.hasLeft != 0 {
                phase.bitwiseAnd(~Self.arrives, ordering: .sequentiallyConsistent)
                throw .closed("arrive at a barrier")
            }
        }

        /// The arrival is over, one way or another. Whoever left meanwhile has left that to it.
        private func end() {
            let before = phase.bitwiseAnd(~Self.arrives, ordering: .sequentiallyConsistent).oldValue
            if before & Self.hasLeft != 0 { giveUpPlace() }
        }

        private func check() throws(IPCError) {
            if phase.load(ordering: .acquiring) & Self.hasLeft != 0 { throw .closed("arrive at a barrier") }
        }

        private func arriveAndUnlock() throws(IPCError) -> UInt32? {
            defer { barrier.lock.unlock() }
            return try barrier.arrive()
        }

        /// Whether the round is complete. A later round says so whatever became of that one.
        private func isOver(_ round: UInt32) throws(IPCError) -> Bool {
            let found = barrier.state.loadSequential()
            if found == round { return false }
            if barrier.wasBroken(round) { throw ProcessBarrier.brokenError }
            return true
        }

        /// Must come to its end although the task may be cancelled.
        private func withdraw(from round: UInt32) async throws(IPCError) -> Bool {
            let barrier = barrier
            let result = await Task { () -> Result<Bool, IPCError> in
                do throws(IPCError) {
                    _ = try await barrier.lock.lock(until: .never, "leave a barrier")
                } catch {
                    return .failure(error)
                }
                defer { barrier.lock.unlock() }
                return .success(barrier.withdraw(from: round))
            }.value
            return try result.get()
        }
    }
}
