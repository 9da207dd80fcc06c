import IPCSockets
import IPCSystem

/// A worker process as its pool sees it.
struct WorkerProcess: Sendable {
    let index: Int
    let child: ChildProcess
    let channel: SocketChannel
    let journal: Journal
    let errors: ErrorTail
    /// The names of the task types that it serves.
    var served: [String] = []

    /// Starts a worker and waits until it has introduced itself.
    ///
    /// - Throws: what `spawn` throws; `.handshakeFailed`; `.cancelled`. Nothing is left behind then.
    static func start(_ index: Int, _ options: WorkerPoolOptions) async throws(IPCError) -> WorkerProcess {
        let ends = try mapping("make the channel of a worker") { () throws(SystemCallError) in
            try SocketCalls.makePair(.stream)
        }
        let theirs = InheritedFile(PassedDescriptor(owning: ends.1))
        let channel = try SocketChannel(OwnedDescriptor(owning: ends.0), WorkerLink.socketOptions)
        let journal = try Journal()
        let child = try await ChildProcess.spawn(
            options.executable, arguments: options.arguments,
            options: ChildProcess.Options(
                environment: options.environment.updating([WorkerRole.variable: "\(index)"]),
                workingDirectory: options.workingDirectory, standardInput: .null,
                standardOutput: options.standardOutput, standardError: .pipe),
            transferring: [theirs, try journal.duplicate()])
        let errors = ErrorTail(
            try child.standardError, size: options.standardErrorTailSize, forwards: options.standardError == .forwarded)
        var worker = WorkerProcess(index: index, child: child, channel: channel, journal: journal, errors: errors)
        do throws(IPCError) {
            worker.served = try await worker.shakeHands(options)
        } catch {
            let death = await worker.end(grace: .zero)
            throw error.isCancellation ? error : worker.explain(error, death, options)
        }
        return worker
    }

    private func shakeHands(_ options: WorkerPoolOptions) async throws(IPCError) -> [String] {
        guard let message = try await channel.receive(until: .after(options.handshakeTimeout)) else {
            throw IPCError(.peerClosed, "it closed its channel")
        }
        var hello: CallHello?
        try unsafe CallWire.forEachFrame(of: message.span.bytes) { (header, body) throws(IPCError) in
            guard hello == nil, header.kind == .hello else { throw CallWire.violation("something else than a hello") }
            hello = try CallWire.readHello(body)
        }
        guard let hello else { throw CallWire.violation("an empty message for a hello") }
        guard hello.version == CallWire.version else {
            throw IPCError(
                .wrongVersion,
                "it speaks version \(hello.version) of the protocol and this process \(CallWire.version): "
                    + "build both with the same version of the library")
        }
        return try unsafe BinaryCodec.decode([String].self, from: hello.payload.span.bytes)
    }

    /// The error of a worker that did not introduce itself.
    private func explain(_ error: IPCError, _ death: WorkerCrash, _ options: WorkerPoolOptions) -> IPCError {
        let what: String
        switch error.code {
        case .timedOut: what = "it did not introduce itself within \(options.handshakeTimeout)"
        case .peerClosed, .truncated: what = "it \(death.status.map { "\($0)" } ?? "died") before it introduced itself"
        default: what = error.message
        }
        let tail = death.standardErrorTail.isEmpty ? "" : "; its standard error: \(death.standardErrorTail)"
        return IPCError(
            .handshakeFailed,
            "start a worker: \(what). The main of a worker's program must call Worker.serveIfSpawned first\(tail)",
            object: options.executable.displayName, detail: death)
    }

    /// Sees the process out: gives it `grace` to end by itself, kills it and its group if it does not, and collects what
    /// is to be known. Not cut short by cancellation.
    func end(grace: Duration) async -> WorkerCrash {
        await Task(executorPreference: IPCExecutor.shared) {
            if grace > .zero {
                try? await channel.finish(until: .after(grace))
                _ = try? await child.exitStatus(until: .after(grace))
            }
            let status = try? await child.kill()
            channel.close()
            return WorkerCrash(
                workerIndex: index, processID: child.processID, status: status,
                standardErrorTail: await errors.finish())
        }.value
    }

    /// The same for a process whose channel has ended: it is dead, or as good as dead.
    func bury() async -> WorkerCrash {
        await Task(executorPreference: IPCExecutor.shared) {
            channel.close()
            _ = try? await child.exitStatus(until: .after(.seconds(1)))
            let status = try? await child.kill()
            return WorkerCrash(
                workerIndex: index, processID: child.processID, status: status,
                standardErrorTail: await errors.finish())
        }.value
    }
}
