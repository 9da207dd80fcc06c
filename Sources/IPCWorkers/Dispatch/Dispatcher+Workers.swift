// What workers do: they come, answer, hand back, and die.
extension Dispatcher {
    /// A worker has introduced itself.
    ///
    /// - Returns: the number of its incarnation, for ``beginSending(_:)``.
    mutating func workerReady(_ lane: Int, serves names: [String], at now: UInt64, into step: inout Step) {
        lanes[lane].isReady = true
        lanes[lane].served = Dictionary(
            names.enumerated().map { ($0.element, UInt32($0.offset)) }, uniquingKeysWith: { first, _ in first })
        lanes[lane].methods = []
        assign(at: now, into: &step)
    }

    /// A worker has answered.
    ///
    /// - Parameter isReplayed: the answers come from the journal of a dead worker, which may hold what was sent before.
    /// - Throws: `.protocolViolation` for an answer to what was not asked.
    mutating func answered(
        _ lane: Int, _ answers: [Answer], at now: UInt64, isReplayed: Bool = false, into step: inout Step
    ) throws(IPCError) {
        var finished = 0
        var handedBack: [Assignment] = []
        for answer in answers {
            guard let assignment = take(answer.id, from: lane) else {
                if isReplayed { continue }
                throw CallWire.violation("an answer to task \(answer.id), which this worker does not have")
            }
            switch answer.kind {
            case .value(let bytes):
                finished += 1
                deliver(.value(bytes), for: assignment, into: &step)
            case .failed(let failure):
                finished += 1
                deliver(.failed(failure), for: assignment, into: &step)
            case .declined:
                handedBack.append(assignment)
            }
        }
        lanes[lane].clock.answered(finished, at: now)
        if !handedBack.isEmpty { lanes[lane].clock.stalled() }
        putBack(handedBack, into: &step)
        assign(at: now, into: &step)
    }

    /// A worker is gone; what its journal held has been delivered by ``answered(_:_:at:isReplayed:into:)``.
    ///
    /// - Parameters:
    ///   - running: the task that ran when it died.
    ///   - error: what that task fails with.
    mutating func workerDied(
        _ lane: Int, running: UInt64?, _ error: IPCError, at now: UInt64, into step: inout Step
    ) {
        let incarnation = lanes[lane].incarnation + 1
        var unstarted: [Assignment] = []
        for var assignment in lanes[lane].assigned.removeAll() {
            if assignment.id == running {
                assignment.task.attempts -= 1
                guard assignment.task.attempts > 0, failure == nil else {
                    deliver(.lost(error), for: assignment, into: &step)
                    continue
                }
            }
            unstarted.append(assignment)
        }
        lanes[lane] = Lane(incarnation: incarnation)
        putBack(unstarted, into: &step)
        assign(at: now, into: &step)
    }

    /// To the front of the line, where they came from.
    private mutating func putBack(_ assignments: [Assignment], into step: inout Step) {
        let wanted = assignments.filter { !$0.isAbandoned }
        if let failure {
            for assignment in wanted { deliver(.lost(failure), for: assignment, into: &step) }
        } else if !wanted.isEmpty {
            waiting.prepend(wanted)
        }
    }

    private mutating func take(_ id: UInt64, from lane: Int) -> Assignment? {
        let found: Assignment?
        if lanes[lane].assigned.first?.id == id {
            found = lanes[lane].assigned.popFirst()
        } else {
            // Handed back or cancelled out of turn.
            found = lanes[lane].assigned.removeFirst { $0.id == id }
        }
        if let found { lanes[lane].assignedBytes -= found.task.bytes.count }
        return found
    }

    // MARK: Sending

    /// The next message for a worker, if nobody is sending to it. The caller sends it and goes on with ``didSend(_:_:)``.
    mutating func beginSending(_ lane: Int) -> [UInt8]? { lanes[lane].outbox.beginSending() }

    /// The message after the one that was sent; nil when there is none or the process is another one by now.
    mutating func didSend(_ lane: Int, _ incarnation: Int) -> [UInt8]? {
        guard lanes[lane].incarnation == incarnation else { return nil }
        return lanes[lane].outbox.didSend()
    }
}

extension Dispatcher {
    /// Ends the wait for the tasks that are on their way or run, and has them cancelled: the pool is closing.
    mutating func giveUpRunning(into step: inout Step) {
        guard let failure else { return }
        for lane in lanes.indices {
            lanes[lane].assigned.mutateEach { assignment in
                guard !assignment.isAbandoned else { return }
                step.deliveries.append(
                    Delivery(owner: assignment.task.owner, type: assignment.task.type, outcome: .lost(failure)))
            }
        }
        abandon(into: &step) { _ in true }
    }
}
