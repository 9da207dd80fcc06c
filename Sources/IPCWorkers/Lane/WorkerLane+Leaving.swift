import IPCSockets
import IPCSystem

// The end of a worker.
extension WorkerLane {
    /// What a worker left that died.
    struct Remains: Sendable {
        var journal: Journal.Remains
        var crash: WorkerCrash
        /// Why it was given up, if it was.
        var error: IPCError?
    }

    /// The worker is gone: what it had finished is delivered, what it had not goes to others or fails.
    ///
    /// - Parameter remains: nil when it left because it was told to.
    func leave(_ worker: WorkerProcess, _ remains: Remains?) -> Departure {
        let finished = remains.map { answers(in: $0.journal, of: worker) } ?? []
        if let crash = remains?.crash {
            IPCObservation.emit(
                .workerCrashed(processID: crash.processID, outcome: crash.status?.outcome ?? .unknown))
        }
        // This one's link is still there: what it had begun counts as well.
        let isBusy = someWorkerIsBusy
        var departure = Departure.scopeEnded
        pool.step { shared, step in
            let now = MonotonicClock.nanoseconds
            shared.links[index] = nil
            guard let remains else {
                if let reason = shared.dispatcher.lanes[index].retirement {
                    shared.records[index].recycled += 1
                    departure = .recycled(reason)
                }
                let error = IPCError(.closed, "run a task: the pool's scope has ended")
                shared.dispatcher.workerDied(index, running: nil, error, at: now, into: &step)
                return
            }
            // Answers that are not awaited are passed over, so nothing is thrown.
            try? shared.dispatcher.answered(index, finished, at: now, isReplayed: true, into: &step)
            departure = bury(remains, &shared, isBusy: isBusy, at: now, &step)
        }
        pool.signalDrainers()
        return departure
    }

    private func bury(
        _ remains: Remains, _ shared: inout WorkerPool.Shared, isBusy: Bool, at now: UInt64,
        _ step: inout WorkerPool.Step
    ) -> Departure {
        let processID = remains.crash.processID
        let verdict = remains.journal.verdict
        let sentence = shared.dispatcher.lanes[index].sentence
        let wasKilled = verdict != nil || sentence != nil
        let hadFinished = shared.dispatcher.lanes[index].finished > 0
        let error = remains.error ?? remains.crash.error
        if wasKilled {
            shared.records[index].kills += 1
        } else {
            shared.records[index].crashes += 1
            if !shared.restarts.permits(at: .now) {
                shared.dispatcher.fail(shared.restarts.error(error), into: &step)
            }
        }
        if hadFinished || remains.journal.running != nil {
            shared.starts.began()
        } else {
            wasInVain(&shared, isBusy: isBusy, sentence?.error ?? error, &step)
        }
        shared.dispatcher.workerDied(
            index, running: remains.journal.running, verdict?.error(processID) ?? sentence?.error ?? error,
            isFinal: verdict != nil, at: now, into: &step)
        return wasKilled ? .judged(processID: processID) : .died(processID: processID, hadFinished: hadFinished)
    }

    /// The answers that had not been sent, or not certainly.
    private func answers(in journal: Journal.Remains, of worker: WorkerProcess) -> [Answer] {
        var found = Answers()
        for message in journal.messages {
            // What a worker left half-written ends this message; the others count.
            _ = unsafe WorkerLane.read(message.span.bytes, into: &found)
        }
        var parcels = found.withParcel.isEmpty ? [:] : worker.parcels.takeAll()
        var missing: Set<Int> = []
        for place in found.withParcel {
            if case .value(let bytes) = found.answers[place].kind,
                let parcel = parcels.removeValue(forKey: found.answers[place].id)
            {
                found.answers[place].kind = .value(bytes.adding(parcel))
            } else {
                // It has been taken already, with an answer that was sent: this is its copy.
                missing.insert(place)
            }
        }
        return found.answers.indices.filter { !missing.contains($0) }.map { found.answers[$0] }
    }
}
