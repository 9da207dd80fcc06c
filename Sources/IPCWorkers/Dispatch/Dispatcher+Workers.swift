// What workers do: they come, answer, hand back, and die.
extension Dispatcher {
    /// A worker has introduced itself.
    mutating func workerReady(_ lane: Int, serves names: [String], at now: UInt64, into step: inout Step) {
        lanes[lane].isReady = true
        lanes[lane].readyAt = now
        lanes[lane].idleSince = now
        lanes[lane].served = Dictionary(
            names.enumerated().map { ($0.element, UInt32($0.offset)) }, uniquingKeysWith: { first, _ in first })
        lanes[lane].methods = []
        step.wakesWatch = true
        assign(at: now, into: &step)
    }

    /// A worker has answered.
    ///
    /// - Parameter isReplayed: the answers come from the journal of a dead worker, which may hold what was sent before.
    /// - Throws: `.protocolViolation` for an answer to what was not asked, or for more items than were. What came before
    ///   it counts.
    mutating func answered(
        _ lane: Int, _ answers: [Answer], at now: UInt64, isReplayed: Bool = false, into step: inout Step
    ) throws(IPCError) {
        var finished = 0
        var handedBack: [Assignment] = []
        var violation: IPCError?
        for answer in answers {
            // One that was sent before may be about a task that came once more and was started; and what was not started
            // goes back to the line anyway.
            if isReplayed, case .declined = answer.kind { continue }
            do throws(IPCError) {
                if try heard(answer, from: lane, into: &step) { continue }
            } catch {
                if isReplayed { continue }
                violation = error
                break
            }
            guard let assignment = take(answer.id, from: lane) else {
                if isReplayed { continue }
                violation = CallWire.violation("an answer to task \(answer.id), which this worker does not have")
                break
            }
            switch answer.kind {
            case .value(let bytes):
                finished += 1
                deliver(.value(bytes), for: assignment, into: &step)
            case .failed(let failure):
                finished += 1
                deliver(.failed(failure), for: assignment, into: &step)
            case .lost(let error):
                finished += 1
                deliver(.lost(error), for: assignment, into: &step)
            case .declined: handedBack.append(assignment)
            case .item, .progress: break
            }
        }
        lanes[lane].finished += finished
        lanes[lane].clock.answered(finished, at: now)
        if !handedBack.isEmpty { lanes[lane].clock.stalled() }
        putBack(handedBack, into: &step)
        // This worker is about to be ended: it gets no more.
        if let violation { throw violation }
        if lanes[lane].finished >= tasksPerWorker { retire(lane, .tasks, into: &step) }
        assign(at: now, into: &step)
        if lanes[lane].assigned.isEmpty { becameIdle(lane, at: now, into: &step) }
    }

    /// Takes in what a task says while it runs. What comes late, or twice from a journal, is passed over.
    ///
    /// - Returns: whether that was it.
    ///
    /// - Throws: `.protocolViolation` for an item that nobody has given credit for.
    private mutating func heard(
        _ answer: Answer, from lane: Int, into step: inout Step
    ) throws(IPCError) -> Bool {
        let news: News
        var number: UInt64?
        switch answer.kind {
        case .item(let index, let bytes):
            news = .item(bytes)
            number = index
        case .progress(let progress): news = .progress(progress)
        default: return false
        }
        var owner: Owner?
        var isTooMuch = false
        lanes[lane].assigned.mutateEach { assignment in
            guard assignment.id == answer.id, !assignment.isAbandoned else { return }
            if let number {
                guard number == assignment.itemCount else { return }
                guard number < assignment.itemLimit else {
                    isTooMuch = true
                    return
                }
                assignment.itemCount += 1
            }
            owner = assignment.task.owner
        }
        if isTooMuch { throw CallWire.violation("more items of task \(answer.id) than may be on their way") }
        if let owner { step.news.append((owner, news)) }
        return true
    }

    /// A worker is gone; what its journal held has been delivered by ``answered(_:_:at:isReplayed:into:)``.
    ///
    /// - Parameters:
    ///   - running: the task that ran when it died.
    ///   - error: what that task fails with.
    ///   - isFinal: the task fails even if it may be tried again.
    mutating func workerDied(
        _ lane: Int, running: UInt64?, _ error: IPCError, isFinal: Bool = false, at now: UInt64, into step: inout Step
    ) {
        let incarnation = lanes[lane].incarnation + 1
        let sentence = lanes[lane].sentence
        var unstarted: [Assignment] = []
        for var assignment in lanes[lane].assigned.removeAll() {
            if assignment.id == running {
                let isJudged = sentence?.task == running
                assignment.task.attempts -= 1
                let isOver = isFinal || isJudged || assignment.task.attempts <= 0 || assignment.itemCount > 0
                guard !isOver, failure == nil else {
                    deliver(.lost(isJudged ? sentence!.error : error), for: assignment, into: &step)
                    continue
                }
                if !assignment.isAbandoned { counts.retried += 1 }
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
            return
        }
        for (priority, group) in Dictionary(grouping: wanted, by: \.task.priority) { waiting.prepend(group, priority) }
    }

    private mutating func take(_ id: UInt64, from lane: Int) -> Assignment? {
        let found: Assignment?
        if lanes[lane].assigned.first?.id == id {
            found = lanes[lane].assigned.popFirst()
        } else {
            // Handed back or cancelled out of turn.
            found = lanes[lane].assigned.removeFirst { $0.id == id }
        }
        if let found {
            lanes[lane].assignedBytes -= found.task.bytes.range.count
            if found.task.bytes.hasParcel { lanes[lane].assignedParcels -= 1 }
        }
        return found
    }

    // MARK: Sending

    /// What is to be sent to a worker next: the parcels first.
    struct Sending: Sendable {
        var parcels: [Parcel]
        var packet: [UInt8]
    }

    /// The next message for a worker, if nobody is sending to it. The caller sends it and goes on with ``didSend(_:_:)``.
    mutating func beginSending(_ lane: Int) -> Sending? { sending(lanes[lane].outbox.beginSending(), lane) }

    /// The message after the one that was sent; nil when there is none or the process is another one by now.
    mutating func didSend(_ lane: Int, _ incarnation: Int) -> Sending? {
        guard lanes[lane].incarnation == incarnation else { return nil }
        return sending(lanes[lane].outbox.didSend(), lane)
    }

    private mutating func sending(_ packet: [UInt8]?, _ lane: Int) -> Sending? {
        guard let packet else { return nil }
        // They may belong to a later message; what matters is that none comes after its own.
        guard !lanes[lane].parcels.isEmpty else { return Sending(parcels: [], packet: packet) }
        defer { lanes[lane].parcels = [] }
        return Sending(parcels: lanes[lane].parcels, packet: packet)
    }
}
