import IPCSockets
import IPCSystem

/// A worker process as its server sees it.
struct ServerProcess: Sendable {
    let place: Int
    let child: ChildProcess
    let control: SocketChannel
    let errors: ErrorTail

    /// Starts a worker and tells it who it is. It is not ready then.
    ///
    /// - Throws: what `spawn` throws, or `sharing`. Nothing is left behind then.
    static func start(
        place: Int, row: Int, _ board: ServerBoard, _ options: MultiProcessServerOptions
    ) async throws(IPCError) -> ServerProcess {
        let ends = try mapping("make the channel of a worker") { () throws(SystemCallError) in
            try SocketCalls.makePair(.stream)
        }
        let theirs = InheritedFile(PassedDescriptor(owning: ends.1))
        let control = try SocketChannel(OwnedDescriptor(owning: ends.0), ServerControl.serverOptions)
        let child = try await ChildProcess.spawn(
            options.executable, arguments: options.arguments,
            options: ChildProcess.Options(
                environment: options.environment.updating([ServerRole.variable: options.role]),
                workingDirectory: options.workingDirectory, standardInput: .null,
                standardOutput: options.standardOutput, standardError: .pipe, limits: options.limits),
            transferring: [theirs, try board.file()] + (try options.sharing()))
        let errors = ErrorTail(
            try child.standardError, size: options.standardErrorTailSize, forwards: options.standardError == .forwarded)
        let (fileByteCount, rowOffset) = board.place(ofRow: row)
        let welcome = ServerControl.Welcome(
            version: ServerControl.version, place: place, rowOffset: rowOffset, fileByteCount: fileByteCount)
        // Whoever died already is found dead by whoever waits for it.
        try? await ServerControl.send(.welcome(welcome), to: control)
        return ServerProcess(place: place, child: child, control: control, errors: errors)
    }

    /// What the worker says next; nil when it says nothing more.
    ///
    /// - Throws: `.timedOut`; `.handshakeFailed` for what makes no sense.
    func nextReport(until deadline: Deadline) async throws(IPCError) -> ServerControl.Report? {
        do throws(IPCError) {
            guard let message = try await control.receive(until: deadline) else { return nil }
            return try BinaryCodec.decode(ServerControl.Report.self, from: message)
        } catch {
            switch error.code {
            case .peerClosed, .truncated, .closed: return nil
            case .timedOut, .cancelled: throw error
            default:
                throw IPCError(
                    .handshakeFailed,
                    "serve: a worker said something that makes no sense: \(error.message). Build both with the same "
                        + "version of the library", object: "process \(child.processID)")
            }
        }
    }

    /// Waits for the end of the process, however long it takes, and collects what is to be known.
    ///
    /// - Parameter kills: whether to end it first, with all that it has started.
    func bury(kills: Bool) async -> WorkerCrash {
        await Task(executorPreference: IPCExecutor.shared) {
            if !kills { try? await child.waitForEnd() }
            // What is left of its group goes as well.
            let status = try? await child.kill()
            control.close()
            return WorkerCrash(
                workerIndex: place, processID: child.processID, status: status,
                standardErrorTail: await errors.finish())
        }.value
    }
}

extension WorkerCrash {
    /// The error of a worker of a server that died.
    func serverError(_ what: String) -> IPCError {
        var message = "worker \(workerIndex) \(status.map { "\($0)" } ?? "died")\(what)"
        if !standardErrorTail.isEmpty { message += "; its standard error: \(standardErrorTail)" }
        return IPCError(.workerCrashed, message, object: "process \(processID)", detail: self)
    }
}
