/// Who gets which task, as a value: its owner holds a lock round each step, and carries out the ``Step`` afterwards.
///
/// The rules:
/// - Tasks wait in one line here; a worker has only as many on their way as it finishes in about a millisecond
///   (``ServiceClock``), the fewest first. So a worker that is stuck holds up at most what was on its way, and that only
///   until it hands it back (`declined`).
/// - Each task is answered once. A worker's journal tells which task ran when it died, and what it had finished: only the
///   task that ran is blamed, what was finished is delivered, the rest goes to the front of the line. So a task is started
///   at most once, unless it allows more.
struct Dispatcher<Owner: Sendable>: Sendable {
    /// A task as the pool hands it in.
    struct Submission: Sendable {
        var owner: Owner
        /// Which type, by ``Dispatcher/typeNames``.
        var type: Int
        var bytes: TaskBytes
        var attempts = 1
        var deadline = Deadline.never
    }

    struct Delivery: Sendable {
        var owner: Owner
        /// The number of the task's type.
        var type: Int
        var outcome: TaskOutcome
    }

    /// What to do outside the lock.
    struct Step: Sendable {
        var deliveries: [Delivery] = []
        /// Workers to which something is to be sent.
        var lanesToFlush: Set<Int> = []
    }

    /// One message of a worker about one task.
    struct Answer: Sendable {
        enum Kind: Sendable {
            case value(TaskBytes)
            case failed(CallFailure)
            case declined
        }

        var id: UInt64
        var kind: Kind
    }

    struct Assignment: Sendable {
        let id: UInt64
        var task: Submission
        /// The owner has given it up: the answer goes nowhere.
        var isAbandoned = false
    }

    struct Lane: Sendable {
        var isReady = false
        /// Counts the processes that have had this place.
        var incarnation = 0
        /// On their way or running, in the order in which they were sent.
        var assigned = ArrayQueue<Assignment>()
        var assignedBytes = 0
        var clock = ServiceClock()
        var outbox = CallOutbox()
        /// The numbers that this worker gave to the types that it serves.
        var served: [String: UInt32] = [:]
        /// The same by the pool's numbers, as far as they were looked up.
        var methods: [UInt32?] = []
    }

    /// Bytes of arguments that may be on their way to one worker beyond its first task.
    static var maximumAssignedBytes: Int { 256 * 1024 }

    package private(set) var typeNames: [String] = []
    var lanes: [Lane]
    var waiting = ArrayQueue<Assignment>()
    private var lastID: UInt64 = 0
    /// Why the pool takes no more, once it does not.
    private(set) var failure: IPCError?

    init(lanes: Int) {
        self.lanes = Array(repeating: Lane(), count: lanes)
    }

    /// How many tasks are worth having handed in but not taken back.
    var lookAhead: Int { 2 * lanes.reduce(0) { $0 + $1.clock.window } }

    /// The number of a task type, for ``Submission``.
    mutating func number(ofType name: String) -> Int {
        if let number = typeNames.firstIndex(of: name) { return number }
        typeNames.append(name)
        return typeNames.count - 1
    }

    // MARK: Tasks

    mutating func submit(_ tasks: [Submission], at now: UInt64, into step: inout Step) {
        for task in tasks {
            if let failure {
                step.deliveries.append(Delivery(owner: task.owner, type: task.type, outcome: .lost(failure)))
                continue
            }
            lastID += 1
            waiting.append(Assignment(id: lastID, task: task))
        }
        assign(at: now, into: &step)
    }

    /// Gives up the tasks whose owner `isUnwanted` picks: those that wait are dropped, those on their way are cancelled.
    /// Nothing is delivered for them.
    mutating func abandon(into step: inout Step, where isUnwanted: (Owner) -> Bool) {
        waiting.removeAll { isUnwanted($0.task.owner) }
        for lane in lanes.indices {
            var cancelled: [UInt64] = []
            lanes[lane].assigned.mutateEach { assignment in
                guard !assignment.isAbandoned, isUnwanted(assignment.task.owner) else { return }
                assignment.isAbandoned = true
                cancelled.append(assignment.id)
            }
            guard !cancelled.isEmpty else { continue }
            for id in cancelled { lanes[lane].outbox.append { CallWire.append(.cancel, id: id, to: &$0) } }
            step.lanesToFlush.insert(lane)
        }
    }

    /// The pool is over or broken: what waits fails with `error`, what runs goes on.
    mutating func fail(_ error: IPCError, into step: inout Step) {
        guard failure == nil else { return }
        failure = error
        for assignment in waiting.removeAll() { deliver(.lost(error), for: assignment, into: &step) }
    }

    // MARK: Assigning

    func deliver(_ outcome: TaskOutcome, for assignment: Assignment, into step: inout Step) {
        guard !assignment.isAbandoned else { return }
        step.deliveries.append(
            Delivery(owner: assignment.task.owner, type: assignment.task.type, outcome: outcome))
    }

    mutating func assign(at now: UInt64, into step: inout Step) {
        while let next = waiting.first, let lane = laneWithRoom() {
            _ = waiting.popFirst()
            guard let method = method(of: next.task.type, lane) else {
                deliver(.lost(unserved(next.task.type, lane)), for: next, into: &step)
                continue
            }
            if lanes[lane].assigned.isEmpty { lanes[lane].clock.began(at: now) }
            lanes[lane].assigned.append(next)
            lanes[lane].assignedBytes += next.task.bytes.count
            let fields = CallRequestFields(remaining: next.task.deadline.nanosecondsRemaining, method: method)
            lanes[lane].outbox.append { CallWire.appendRequest(id: next.id, fields, next.task.bytes.span, to: &$0) }
            step.lanesToFlush.insert(lane)
        }
    }

    /// The ready worker with the fewest tasks, if one has room.
    private func laneWithRoom() -> Int? {
        var best: Int?
        var fewest = Int.max
        for index in lanes.indices {
            let count = lanes[index].assigned.count
            guard count < fewest, lanes[index].isReady, count < lanes[index].clock.window,
                count == 0 || lanes[index].assignedBytes < Self.maximumAssignedBytes
            else { continue }
            best = index
            fewest = count
        }
        return best
    }

    private mutating func method(of type: Int, _ lane: Int) -> UInt32? {
        while lanes[lane].methods.count <= type {
            lanes[lane].methods.append(lanes[lane].served[typeNames[lanes[lane].methods.count]])
        }
        return lanes[lane].methods[type]
    }

    private func unserved(_ type: Int, _ lane: Int) -> IPCError {
        let served = lanes[lane].served.keys.sorted().joined(separator: ", ")
        return IPCError(
            .invalidArgument,
            "run a task: its type is not one that the worker serves (\(served)); "
                + "name it in Worker.serveIfSpawned at the start of the worker's main",
            object: typeNames[type])
    }
}
