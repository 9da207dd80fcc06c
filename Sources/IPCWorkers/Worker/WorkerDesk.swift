import IPCSystem

/// What lies on a worker's desk: tasks that have arrived, the one that runs, answers that have not left. A value; its
/// owner holds a lock round each step.
///
/// Two work at it: the **runner**, a task that reads the channel when there is nothing to do, runs one task after
/// another, and sends the answers; and the **guardian**, a thread that looks once a millisecond and does the runner's
/// reading and sending while a task takes long. Reading is done by one of them at a time (`role`), and so is sending.
///
/// When answers leave: when there is no more input; when there are ``batchLimit`` of them; when the oldest is older than
/// ``holdLimit`` as the next task is about to start; and, when a task that has started takes longer than anyone could
/// know, by the guardian. So short tasks share a write, and no answer waits for a long task by more than two ticks.
struct WorkerDesk: Sendable {
    static let batchLimit = 128
    /// Nanoseconds that an answer may lie on the desk when a task starts.
    static let holdLimit: UInt64 = 250_000

    struct Request: Sendable {
        var id: UInt64
        var method: Int
        var deadline: Deadline
        var bytes: TaskBytes
        /// Its parcel has to be taken, or forgotten.
        var hasParcel = false
        /// Nanoseconds that it may run.
        var timeLimit: UInt64?
        /// 0: one answer; otherwise the first credit of a stream.
        var window: UInt32 = 0
        var isCancelled = false
    }

    enum Role: Sendable { case free, runner, guardian }

    /// What the runner does next.
    enum Next: Sendable {
        case run(Request)
        /// The caller gave it up before it was started: answer so.
        case refuse(Request)
        case flush
        /// Read the channel: the runner has the reading role now.
        case read
        /// The guardian is reading: sleep until it has finished.
        case sleep
        /// The parent has finished, and everything is done.
        case end
    }

    private var inbox = ArrayQueue<Request>()
    private(set) var running: UInt64?
    /// When the task that runs was started, and when it was cancelled.
    private(set) var runningSince: UInt64 = 0
    var runningTimeLimit: UInt64?
    var cancelledSince: UInt64?
    /// Items that the task that runs may send, and the number of the next.
    var credit: UInt64 = 0
    var itemCount: UInt64 = 0
    /// What it said last of its progress, until the guardian takes it.
    var progress: TaskProgress?
    private var runningIsCancelled = false
    private var runner: Task<WorkerService.RunnerEnd, Never>?
    private(set) var hasEnded = false

    var role = Role.free
    private var readSleeper: Sleeper<Void>?

    private var lengths = [0, 0]
    private var active = 0
    private var sealed: Int?
    private var isSending = false
    /// A part of the sealed half has left, and nothing else can before the rest.
    private var hasBegun = false
    private var sendSleeper: Sleeper<Void>?
    private var unsentCount = 0
    private var oldestUnsent: UInt64 = 0

    /// Counts tasks, so that the guardian can tell one that takes long from many.
    private(set) var startedCount: UInt64 = 0

    // MARK: Input

    mutating func arrived(_ request: Request) { inbox.append(request) }

    /// The caller gives a task up.
    ///
    /// - Returns: the runner to cancel, if the task runs.
    mutating func cancel(_ id: UInt64) -> Task<WorkerService.RunnerEnd, Never>? {
        if running == id { return cancelRunning() }
        inbox.mutateEach { if $0.id == id { $0.isCancelled = true } }
        return nil
    }

    /// The parent has finished or is gone: nothing more is started.
    mutating func inputEnded() -> Task<WorkerService.RunnerEnd, Never>? {
        hasEnded = true
        _ = inbox.removeAll()
        return running == nil ? nil : cancelRunning()
    }

    private mutating func cancelRunning() -> Task<WorkerService.RunnerEnd, Never>? {
        guard !runningIsCancelled else { return nil }
        runningIsCancelled = true
        cancelledSince = MonotonicClock.nanoseconds
        return runner
    }

    // MARK: The runner

    /// - Returns: whether the task that it runs has been cancelled already.
    mutating func setRunner(_ task: Task<WorkerService.RunnerEnd, Never>) -> Bool {
        runner = task
        return runningIsCancelled
    }

    mutating func next(at now: UInt64) -> Next {
        if let request = inbox.first {
            if unsentCount >= Self.batchLimit || (unsentCount > 0 && now &- oldestUnsent >= Self.holdLimit) {
                return .flush
            }
            _ = inbox.popFirst()
            guard !request.isCancelled else { return .refuse(request) }
            begin(request, at: now)
            return .run(request)
        }
        if unsentCount > 0 || sealed != nil { return .flush }
        if hasEnded { return .end }
        guard role == .free else { return .sleep }
        role = .runner
        return .read
    }

    private mutating func begin(_ request: Request, at now: UInt64) {
        running = request.id
        runningSince = now
        runningTimeLimit = request.timeLimit
        cancelledSince = nil
        credit = UInt64(request.window)
        itemCount = 0
        progress = nil
        runningIsCancelled = false
        startedCount += 1
    }

    /// - Returns: whether the task was cancelled: then this runner is, and must end.
    mutating func finished() -> Bool {
        running = nil
        defer { runningIsCancelled = false }
        return runningIsCancelled
    }

    // MARK: Reading

    /// - Returns: false when nobody reads any more: the guardian, or a streaming task that was waiting for credit.
    mutating func sleepWhileGuardianReads(_ sleeper: Sleeper<Void>) -> Bool {
        guard role != .free else { return false }
        readSleeper = sleeper
        return true
    }

    /// Ends the reading role. Whoever is returned is to be woken.
    mutating func didRead() -> Sleeper<Void>? {
        role = .free
        return readSleeper.take()
    }

    /// The guardian may read if a task runs and nobody reads.
    mutating func guardianMayRead() -> Bool {
        guard running != nil, role == .free, !hasEnded else { return false }
        role = .guardian
        return true
    }

    /// The tasks that wait behind one that takes long, for the guardian to hand back.
    mutating func takeUnstarted() -> [Request] { running == nil ? [] : inbox.removeAll() }

    // MARK: Answers

    /// Makes room for an answer of `size` bytes.
    ///
    /// - Returns: where it goes; nil when something must be sent before, or when it is larger than a half.
    mutating func reserve(_ size: Int, at now: UInt64) -> (half: Int, offset: Int)? {
        guard size <= JournalLayout.halfSize - lengths[active] else { return nil }
        defer { lengths[active] += size }
        if unsentCount == 0 { oldestUnsent = now }
        unsentCount += 1
        return (active, lengths[active])
    }

    enum Sending: Sendable {
        case send(half: Int, count: Int)
        /// The rest of a half that has begun to leave.
        case goOn(half: Int)
        case nothing
        /// The other one is sending.
        case busy
    }

    mutating func beginSending() -> Sending {
        guard !isSending else { return .busy }
        if hasBegun, let sealed {
            isSending = true
            return .goOn(half: sealed)
        }
        if sealed == nil {
            guard lengths[active] > 0 else { return .nothing }
            sealed = active
            active = 1 - active
            unsentCount = 0
        }
        isSending = true
        return .send(half: sealed!, count: lengths[sealed!])
    }

    /// Lets the caller send something of its own, unless somebody is sending or has begun to. Ends with
    /// ``endSending(sent:hasBegun:)``, too.
    mutating func beginSendingAlone() -> Bool {
        guard !isSending, !hasBegun else { return false }
        isSending = true
        return true
    }

    /// - Parameters:
    ///   - sent: false when the channel was full: the half stays, and is the next to be sent.
    ///   - hasBegun: a part of it has left. It is in the journal until the last byte has: what is in this process's memory
    ///     alone dies with it.
    mutating func endSending(sent: Bool, hasBegun: Bool = false) -> Sleeper<Void>? {
        isSending = false
        self.hasBegun = hasBegun
        if sent, let half = sealed.take() { lengths[half] = 0 }
        return sendSleeper.take()
    }

    /// - Returns: false when nobody is sending any more.
    mutating func sleepWhileSending(_ sleeper: Sleeper<Void>) -> Bool {
        guard isSending else { return false }
        sendSleeper = sleeper
        return true
    }
}
