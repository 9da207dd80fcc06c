/// Why the pool has killed a worker.
struct WorkerSentence: Sendable {
    /// The task that is to blame and fails with `error`, however often it may be tried; nil when none is.
    var task: UInt64?
    var error: IPCError
}

/// Who gets which task, as a value: its owner holds a lock round each step, and carries out the ``Step`` afterwards.
///
/// The rules:
/// - Tasks wait in one line here; a worker has only as many on their way as it finishes in a few milliseconds
///   (``ServiceClock``), the fewest first. So a worker that is stuck holds up at most what was on its way, and that only
///   until it hands it back (`declined`).
/// - Each task is answered once. A worker's journal tells which task ran when it died, and what it had finished: only the
///   task that ran is blamed, what was finished is delivered, the rest goes to the front of the line. So a task is started
///   at most once, unless it allows more.
/// - A worker that is to be replaced (``retire(_:_:into:)``) gets no more tasks, and leaves when it has none.
struct Dispatcher<Owner: Sendable>: Sendable {
    /// A task as the pool hands it in.
    struct Submission: Sendable {
        var owner: Owner
        /// Which type, by ``Dispatcher/typeNames``.
        var type: Int
        var bytes: TaskBytes
        var attempts = 1
        var deadline = Deadline.never
        var priority = WorkerPriority.normal
        /// Nanoseconds that it may run; nil for any number.
        var timeLimit: UInt64?
        /// 0: one answer. Otherwise a stream, of which so many items may be on their way.
        var window: UInt32 = 0
    }

    struct Delivery: Sendable {
        var owner: Owner
        /// The number of the task's type.
        var type: Int
        var outcome: TaskOutcome
    }

    /// What a task says while it runs.
    enum News: Sendable {
        case item(TaskBytes)
        case progress(TaskProgress)
    }

    /// What to do outside the lock.
    struct Step: Sendable {
        var deliveries: [Delivery] = []
        /// In the order in which it was said, and before the deliveries.
        var news: [(owner: Owner, news: News)] = []
        /// Workers to which something is to be sent.
        var lanesToFlush: Set<Int> = []
        /// Workers that are to leave: their places, and which process of a place it is.
        var lanesToFinish: [Int: Int] = [:]
        /// Places without a worker that get one again.
        var lanesToWake: Set<Int> = []
        /// Whether something has to be watched from now on that was not.
        var wakesWatch = false
    }

    /// One message of a worker about one task.
    struct Answer: Sendable {
        enum Kind: Sendable {
            case value(TaskBytes)
            case failed(CallFailure)
            /// It is done, but its output cannot be received.
            case lost(IPCError)
            case declined
            /// With its number, from 0.
            case item(UInt64, TaskBytes)
            case progress(TaskProgress)
        }

        var id: UInt64
        var kind: Kind
    }

    struct Assignment: Sendable {
        let id: UInt64
        var task: Submission
        /// The owner has given it up: the answer goes nowhere.
        var isAbandoned = false
        /// When that was.
        var abandonedAt: UInt64 = 0
        /// Items that have come, and that may come.
        var itemCount: UInt64 = 0
        var itemLimit: UInt64 = 0
    }

    struct Lane: Sendable {
        var isReady = false
        /// Counts the processes that have had this place.
        var incarnation = 0
        /// On their way or running, in the order in which they were sent.
        var assigned = ArrayQueue<Assignment>()
        var assignedBytes = 0
        var assignedParcels = 0
        var clock = ServiceClock()
        var outbox = CallOutbox()
        /// What goes beside the frames in the outbox, and before them.
        var parcels: [Parcel] = []
        /// The numbers that this worker gave to the types that it serves.
        var served: [String: UInt32] = [:]
        /// The same by the pool's numbers, as far as they were looked up.
        var methods: [UInt32?] = []
        /// Why it gets no more tasks, if it does not.
        var retirement: Retirement?
        /// It has been told to leave.
        var isLeaving = false
        /// There is no process, and none is started before there is work.
        var isDormant = false
        /// Tasks that this process has answered.
        var finished = 0
        var readyAt: UInt64 = 0
        var idleSince: UInt64 = 0
        /// Why the pool has killed it, if it has.
        var sentence: WorkerSentence?
    }

    /// Why a worker is replaced.
    enum Retirement: Sendable, Hashable { case tasks, memory, age, idle }

    /// What happened in all, for statistics.
    struct Counts: Sendable {
        var submitted = 0
        var finished = 0
        var failed = 0
        var retried = 0
    }

    /// Bytes of arguments that may be on their way to one worker beyond its first task.
    static var maximumAssignedBytes: Int { 256 * 1024 }
    /// Tasks with parcels that may be on their way to one worker: no more than its socket for parcels holds.
    static var maximumAssignedParcels: Int { 4 }

    private(set) var typeNames: [String] = []
    var lanes: [Lane]
    var waiting = WaitingLine<Assignment>()
    var counts = Counts()
    /// A worker that has finished so many tasks is replaced.
    let tasksPerWorker: Int
    /// Whether somebody wants to know when a worker runs out of work.
    var watchesIdleness = false
    /// Whether somebody wants to know when a worker gets a task, once.
    var wakesWatchAtNextTask = false
    private var lastID: UInt64 = 0
    /// Why the pool takes no more, once it does not; what it has goes on.
    var refusal: IPCError?
    /// Why the pool does no more, once it does not.
    private(set) var failure: IPCError?

    init(lanes: Int, tasksPerWorker: Int = .max) {
        self.lanes = Array(repeating: Lane(), count: lanes)
        self.tasksPerWorker = max(1, tasksPerWorker)
    }

    /// How many tasks are worth having handed in but not taken back.
    var lookAhead: Int { 2 * lanes.reduce(0) { $0 + $1.clock.window } }

    /// Tasks that somebody waits for.
    var openCount: Int {
        var count = waiting.count
        for lane in lanes {
            var assigned = lane.assigned
            assigned.mutateEach { if !$0.isAbandoned { count += 1 } }
        }
        return count
    }

    /// The number of a task type, for ``Submission``.
    mutating func number(ofType name: String) -> Int {
        if let number = typeNames.firstIndex(of: name) { return number }
        typeNames.append(name)
        return typeNames.count - 1
    }

    // MARK: Tasks

    mutating func submit(_ tasks: [Submission], at now: UInt64, into step: inout Step) {
        counts.submitted += tasks.count
        for task in tasks {
            lastID += 1
            let assignment = Assignment(id: lastID, task: task, itemLimit: UInt64(task.window))
            if let error = failure ?? refusal {
                deliver(.lost(error), for: assignment, into: &step)
            } else {
                waiting.append(assignment, task.priority)
            }
        }
        assign(at: now, into: &step)
    }

    /// Gives up the tasks whose owner `isUnwanted` picks: those that wait are dropped, those on their way are cancelled.
    /// Nothing is delivered for them.
    mutating func abandon(at now: UInt64, into step: inout Step, where isUnwanted: (Owner) -> Bool) {
        waiting.removeAll { isUnwanted($0.task.owner) }
        for lane in lanes.indices {
            var cancelled: [UInt64] = []
            lanes[lane].assigned.mutateEach { assignment in
                guard !assignment.isAbandoned, isUnwanted(assignment.task.owner) else { return }
                assignment.isAbandoned = true
                assignment.abandonedAt = now
                cancelled.append(assignment.id)
            }
            guard !cancelled.isEmpty else { continue }
            for id in cancelled { lanes[lane].outbox.append { CallWire.append(.cancel, id: id, to: &$0) } }
            step.lanesToFlush.insert(lane)
            step.wakesWatch = true
        }
    }

    /// Lets the worker that runs a stream send so many items more.
    mutating func grant(_ count: UInt32, into step: inout Step, where isWanted: (Owner) -> Bool) {
        for lane in lanes.indices {
            var ids: [UInt64] = []
            lanes[lane].assigned.mutateEach { assignment in
                guard !assignment.isAbandoned, isWanted(assignment.task.owner) else { return }
                assignment.itemLimit += UInt64(count)
                ids.append(assignment.id)
            }
            guard !ids.isEmpty else { continue }
            for id in ids { lanes[lane].outbox.append { CallWire.appendCredit(id: id, count, to: &$0) } }
            step.lanesToFlush.insert(lane)
        }
    }

    /// The pool is over or broken: what waits fails with `error`, what runs goes on.
    mutating func fail(_ error: IPCError, into step: inout Step) {
        guard failure == nil else { return }
        failure = error
        for assignment in waiting.removeAll() { deliver(.lost(error), for: assignment, into: &step) }
    }

    /// Ends the wait for the tasks that are on their way or run, and has them cancelled: the pool is closing.
    mutating func giveUpRunning(at now: UInt64, into step: inout Step) {
        guard let failure else { return }
        for lane in lanes.indices {
            var open: [Assignment] = []
            lanes[lane].assigned.mutateEach { if !$0.isAbandoned { open.append($0) } }
            for assignment in open { deliver(.lost(failure), for: assignment, into: &step) }
        }
        abandon(at: now, into: &step) { _ in true }
    }

    mutating func deliver(_ outcome: TaskOutcome, for assignment: Assignment, into step: inout Step) {
        guard !assignment.isAbandoned else { return }
        if outcome.error == nil { counts.finished += 1 } else { counts.failed += 1 }
        step.deliveries.append(
            Delivery(owner: assignment.task.owner, type: assignment.task.type, outcome: outcome))
    }
}
