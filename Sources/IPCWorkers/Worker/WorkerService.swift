import IPCSockets
import IPCSystem
import Synchronization

/// A worker process at work: reads tasks from its channel, runs them one after another, sends the answers.
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

    private let channel: SocketChannel
    private let journal: JournalWriter
    private let runners: [TaskRunner]
    private let index: Int
    let desk = Lock(WorkerDesk())
    private let guardian = Guardian()

    init(_ channel: SocketChannel, _ journal: JournalWriter, _ runners: [TaskRunner], index: Int) {
        self.channel = channel
        self.journal = journal
        self.runners = runners
        self.index = index
    }

    /// Serves until the parent finishes or is gone.
    ///
    /// - Returns: the exit status of the process.
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
        journal.noteRunning(request.id)
        output.removeAll()
        var failure: CallFailure?
        do throws(CallFailure) {
            guard request.method < runners.count else {
                throw CallFailure(CallWire.violation("a task of type \(request.method)"))
            }
            let context = WorkerContext(workerIndex: index, deadline: request.deadline)
            try await runners[request.method].run(request.bytes, in: context, writingTo: &output)
        } catch {
            failure = error
        }
        if let tooLarge = tooLarge(output.count) { failure = failure ?? tooLarge }
        if let failure {
            try await answer(request.id, failure)
        } else {
            try await answer(.reply, request.id, output.bytes)
        }
        journal.noteRunning(0)
        return desk.withLock { $0.finished() }
    }

    private func tooLarge(_ count: Int) -> CallFailure? {
        let limit = channel.guarantees.maximumMessageSize
        guard count > limit - CallWire.headerSize else { return nil }
        return CallFailure(
            IPCError(.messageTooLarge, "the task's output has \(count) bytes; the channel takes at most \(limit)"))
    }

    // MARK: Reading

    private func read() async throws(IPCError) {
        defer { desk.withLock { $0.didRead() }?.wake() }
        var broken: IPCError?
        let count = try await channel.receive(upTo: 64, until: .never) { message in
            if broken == nil { broken = self.take(message) }
        }
        if let broken { throw broken }
        if count == nil { _ = desk.withLock { $0.inputEnded() } }
    }

    /// Puts what a message brings on the desk.
    private func take(_ message: RawSpan) -> IPCError? {
        let buffer = [UInt8](message)
        var requests: [WorkerDesk.Request] = []
        var cancelled: [UInt64] = []
        do throws(IPCError) {
            try CallWire.forEachRange(of: message) { (header, range) throws(IPCError) in
                switch header.kind {
                case .request:
                    let fields = try CallWire.readRequest(message.extracting(range))
                    let payload = range.lowerBound + CallWire.requestFieldsSize..<range.upperBound
                    requests.append(
                        WorkerDesk.Request(
                            id: header.id, method: Int(fields.method), deadline: .after(nanoseconds: fields.remaining),
                            bytes: TaskBytes(buffer, payload)))
                case .cancel:
                    cancelled.append(header.id)
                default:
                    throw CallWire.violation("a frame of kind \(header.kind) to a worker")
                }
            }
        } catch {
            return error
        }
        let toCancel = desk.withLock { desk in
            for request in requests { desk.arrived(request) }
            return cancelled.compactMap { desk.cancel($0) }
        }
        for runner in toCancel { runner.cancel() }
        return nil
    }

    // MARK: Answers

    private func answer(_ id: UInt64, _ failure: CallFailure) async throws(IPCError) {
        var frame: [UInt8] = []
        CallWire.appendFailure(id: id, failure, to: &frame)
        try await answer(.failure, id, unsafe frame.span.bytes.extracting(CallWire.headerSize..<frame.count))
    }

    private func answer(_ kind: CallKind, _ id: UInt64, _ body: RawSpan) async throws(IPCError) {
        while !note(kind, id, body) {
            try await flush()
            if CallWire.headerSize + body.byteCount > JournalLayout.halfSize {
                // Too large for the journal. The task counts as running until the answer has left.
                var frame: [UInt8] = []
                frame.reserveCapacity(CallWire.headerSize + body.byteCount)
                CallWire.appendHeader(kind, id: id, bodySize: body.byteCount, to: &frame)
                unsafe body.withUnsafeBytes { unsafe frame.append(contentsOf: $0) }
                return try await channel.send(frame)
            }
        }
    }

    /// Puts an answer into the journal, if it has room.
    private func note(_ kind: CallKind, _ id: UInt64, _ body: RawSpan) -> Bool {
        let now = MonotonicClock.nanoseconds
        return desk.withLock { desk in
            guard let place = desk.reserve(CallWire.headerSize + body.byteCount, at: now) else { return false }
            journal.append(kind, id: id, body, toHalf: place.half, at: place.offset)
            return true
        }
    }

    private func flush() async throws(IPCError) {
        let journal = journal
        while true {
            switch desk.withLock({ $0.beginSending() }) {
            case .nothing:
                return
            case .busy:
                await Sleeper.sleep { sleeper in
                    if !desk.withLock({ $0.sleepWhileSending(sleeper) }) { sleeper.wake() }
                }
            case .send(let half, let count):
                do throws(IPCError) {
                    try await channel.send(journal.bytes(ofHalf: half, count: count), until: .never)
                } catch {
                    didSend(half, false)
                    throw error
                }
                didSend(half, true)
            }
        }
    }

    private func didSend(_ half: Int, _ sent: Bool) {
        desk.withLock { desk in
            if sent { journal.clear(half: half) }
            return desk.endSending(sent: sent)
        }?.wake()
    }

    // MARK: The guardian's part

    /// A task takes long: send what lies here, look for cancellation, hand back what waits. Never waits itself.
    func attend() {
        flushNow()
        guard desk.withLock({ $0.guardianMayRead() }) else { return }
        let isOver = readNow()
        let (sleeper, runner) = desk.withLock { ($0.didRead(), isOver ? $0.inputEnded() : nil) }
        sleeper?.wake()
        runner?.cancel()
        handBack()
        flushNow()
    }

    /// Takes in what has arrived. When the parent is gone, or the channel is, nothing that the task does can reach
    /// anybody: the process ends here and now, and if there is a parent its journal says under which task.
    ///
    /// - Returns: whether the parent has finished.
    private func readNow() -> Bool {
        do throws(IPCError) {
            while true {
                switch try channel.tryReceive() {
                case .message(let message): if let broken = unsafe take(message.span.bytes) { throw broken }
                case .empty: return false
                case .finished: return true
                }
            }
        } catch {
            if error.code != .peerClosed { StandardErrorLine.write("worker \(index): \(error)") }
            ProcessExit.leaveAtOnce(1)
            return true
        }
    }

    private func handBack() {
        let requests = desk.withLock { $0.takeUnstarted() }
        let noBody: [UInt8] = []
        for (position, request) in requests.enumerated() {
            guard unsafe note(.declined, request.id, noBody.span.bytes) else {
                // The journal is full, because the parent does not read: they stay here.
                desk.withLock { desk in
                    for request in requests[position...] { desk.arrived(request) }
                }
                return
            }
        }
    }

    private func flushNow() {
        let journal = journal
        while case .send(let half, let count) = desk.withLock({ $0.beginSending() }) {
            let sent = (try? channel.trySend(journal.bytes(ofHalf: half, count: count))) ?? false
            didSend(half, sent)
            if !sent { return }
        }
    }
}
