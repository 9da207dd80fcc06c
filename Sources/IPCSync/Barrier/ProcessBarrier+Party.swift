public import IPCCore
import IPCSystem
import Synchronization

extension ProcessBarrier {
    /// One that takes part in each round until it leaves: by ``leave()``, or when nobody refers to it any more.
    public final class Party: Sendable {
        private let barrier: ProcessBarrier
        private let hasLeft = Atomic<Bool>(false)

        init(_ barrier: ProcessBarrier) { self.barrier = barrier }

        deinit { leave() }

        /// Arrives, and waits until all have.
        ///
        /// - Throws: `.peerClosed` when a party has died; `.cancelled`, `.timedOut`: it has not arrived then; `.closed`
        ///   after ``leave()``; `.participantLost`, `.resourceExhausted`.
        public func arrive(until deadline: Deadline = .never) async throws(IPCError) {
            try check()
            // Before the look for the dead in there: a death after it ends the first sleep.
            var deaths = barrier.sleeping.deathCount
            _ = try await barrier.lock.lock(until: deadline, "arrive at a barrier")
            guard let round = try arriveAndUnlock() else { return }
            while true {
                if try isOver(round) { return }
                do throws(IPCError) {
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
            try check()
            // Before the look for the dead in there: a death after it ends the first sleep.
            var deaths = barrier.sleeping.deathCount
            _ = try barrier.lock.lockBlocking(until: deadline, "arrive at a barrier")
            guard let round = try arriveAndUnlock() else { return }
            while true {
                if try isOver(round) { return }
                do throws(IPCError) {
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
        public func leave() {
            guard !hasLeft.exchange(true, ordering: .sequentiallyConsistent) else { return }
            while barrier.lock.own.loadRelaxed() != 0 {
                let own = barrier.members.own
                if own == 0 || barrier.members.change(from: own, to: own - 1) { return }
            }
        }

        private func check() throws(IPCError) {
            if hasLeft.load(ordering: .acquiring) { throw .closed("arrive at a barrier") }
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
