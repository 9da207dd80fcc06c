import IPCSockets
import IPCSystem
import Synchronization

/// A worker process at work: reads tasks from its channel, runs them one after another, sends the answers.
///
/// Reading and sending are in `WorkerService+Reading` and `WorkerService+Answers`, the guardian's part in
/// `WorkerService+Guarding`.
final class WorkerService: Sendable {
    /// Why a runner ended.
    enum RunnerEnd: Sendable {
        /// Its task was cancelled, and a cancelled Swift task cannot be used again: start another runner.
        case cancelled
        /// The parent has finished.
        case finished
        /// The parent is gone, or what it sends makes no sense.
        case broken(IPCError)
    }

    /// What the process was given when it was started.
    struct Equipment: Sendable {
        var index: Int
        var channel: SocketChannel
        /// The socket for ``Parcel``s.
        var parcels: SocketChannel
        var journal: JournalWriter
    }

    let channel: SocketChannel
    let parcelChannel: SocketChannel
    let parcels: ParcelInbox
    let journal: JournalWriter
    let briefing: WorkerBriefing
    let index: Int
    private let runners: [TaskRunner]
    /// What the program's `setUp` made.
    private let state: (any Sendable)?
    let desk = Lock(WorkerDesk())
    /// Where the items of a streaming task that runs leave.
    private let outlet = Lock<ItemOutlet?>(nil)
    private let guardian = Guardian()
    /// Files for large outputs; they count for the memory of the process.
    let values = ValueShelf(awaitsReader: true, limit: 8 << 20)

    init(_ equipment: Equipment, _ briefing: WorkerBriefing, _ runners: [TaskRunner], state: (any Sendable)?) {
        channel = equipment.channel
        parcelChannel = equipment.parcels
        parcels = ParcelInbox(equipment.parcels)
        journal = equipment.journal
        index = equipment.index
        self.briefing = briefing
        self.runners = runners
        self.state = state
    }

    /// Serves until the parent finishes or is gone.
    func serve() async throws(IPCError) {
        try await sendHello()
        try guardian.start(self)
        while true {
            // A task of its own, so that it can be cancelled with what it runs, and on the executor that is made for it.
            let runner = Task(executorPreference: IPCExecutor.shared) { await self.runTasks() }
            if desk.withLock({ $0.setRunner(runner) }) { runner.cancel() }
            switch await runner.value {
            case .cancelled: continue
            case .finished: return
            case .broken(let error): throw error
            }
        }
    }

    private func sendHello() async throws(IPCError) {
        var names = MessageBuffer()
        try BinaryCodec.encode(runners.map(\.name), into: &names)
        var hello: [UInt8] = []
        CallWire.appendHello(
            CallHello(requestLimit: UInt32(ServiceClock.maximumWindow), payload: [UInt8](names.bytes)), to: &hello)
        try await channel.send(hello)
    }

    // MARK: The runner

    private func runTasks() async -> RunnerEnd {
        var output = MessageBuffer()
        do throws(IPCError) {
            while true {
                switch desk.withLock({ $0.next(at: MonotonicClock.nanoseconds) }) {
                case .run(let request):
                    guardian.wakeUp()
                    if try await run(request, &output) { return .cancelled }
                case .refuse(let request):
                    if request.hasParcel { parcels.forget(request.id) }
                    try await answer(request.id, CallFailure(.cancelled("run a task")))
                case .flush:
                    try await flush()
                case .read:
                    try await read()
                case .sleep:
                    await Sleeper.sleep { sleeper in
                        if !desk.withLock({ $0.sleepWhileGuardianReads(sleeper) }) { sleeper.wake() }
                    }
                case .end:
                    return .finished
                }
            }
        } catch {
            return .broken(error)
        }
    }

    /// - Returns: whether the task was cancelled.
    private func run(_ request: WorkerDesk.Request, _ output: inout MessageBuffer) async throws(IPCError) -> Bool {
        journal.noteRunning(request.id, since: desk.withLock { $0.runningSince })
        output.removeAll()
        var descriptors: [PassedDescriptor] = []
        var failure: CallFailure?
        do throws(CallFailure) {
            descriptors = try await perform(request, &output)
        } catch {
            failure = error
        }
        if let failure {
            try await answer(request.id, failure)
        } else if request.window > 0 {
            try await answer(.end, request.id, RawSpan())
        } else if descriptors.isEmpty && output.count < briefing.sharedValueSize {
            try await answer(.reply, request.id, output.bytes)
        } else {
            try await answerWithParcel(request.id, output.bytes, descriptors)
        }
        journal.noteNothingRuns()
        return desk.withLock { $0.finished() }
    }

    private func perform(
        _ request: WorkerDesk.Request, _ output: inout MessageBuffer
    ) async throws(CallFailure) -> [PassedDescriptor] {
        guard request.method < runners.count else {
            throw CallFailure(CallWire.violation("a task of type \(request.method)"))
        }
        var bytes = request.bytes
        if request.hasParcel {
            do throws(IPCError) {
                bytes = bytes.adding(try await parcels.take(request.id).get())
            } catch {
                if error.isCancellation { parcels.forget(request.id) }
                throw CallFailure(error)
            }
        }
        let id = request.id
        let context = WorkerContext(
            workerIndex: index, deadline: request.deadline, stored: state,
            reporter: { progress in self.desk.withLock { $0.report(progress, of: id) } })
        guard request.window > 0 else {
            return try await runners[request.method].run(bytes, in: context, emitting: nil, writingTo: &output)
        }
        let outlet = ItemOutlet(self, id)
        self.outlet.withLock { $0 = outlet }
        defer { self.outlet.withLock { $0 = nil } }
        return try await runners[request.method].run(bytes, in: context, emitting: outlet, writingTo: &output)
    }

    /// Has the streaming task look again for credit, and whether it may read.
    func signalOutlet() { outlet.withLock { $0 }?.point.signal() }
}
