import IPCSockets
import IPCSystem

/// A worker process as its pool sees it.
struct WorkerProcess: Sendable {
    let index: Int
    let child: ChildProcess
    let channel: SocketChannel
    /// The socket for ``Parcel``s, and what comes through it.
    let parcelChannel: SocketChannel
    let parcels: ParcelInbox
    let journal: Journal
    let errors: ErrorTail
    /// The names of the task types that it serves.
    var served: [String] = []

    /// Starts a worker and waits until it has introduced itself.
    ///
    /// - Throws: what `spawn` throws; `.handshakeFailed`; `.cancelled`. Nothing is left behind then.
    static func start(_ index: Int, _ options: WorkerPoolOptions) async throws(IPCError) -> WorkerProcess {
        let briefing = try briefing(options)
        let (channel, theirs) = try makeChannel(WorkerLink.socketOptions)
        let (parcelChannel, theirParcels) = try makeChannel(WorkerLink.parcelOptions)
        let journal = try Journal()
        let child = try await ChildProcess.spawn(
            options.executable, arguments: options.arguments,
            options: ChildProcess.Options(
                environment: options.environment.updating([WorkerRole.variable: "\(index)"]),
                workingDirectory: options.workingDirectory, standardInput: .null,
                standardOutput: options.standardOutput, standardError: .pipe, limits: options.limits,
                niceness: options.niceness, processors: options.processors.numbers(forWorker: index)),
            transferring: [theirs, try journal.duplicate(), theirParcels])
        let errors = ErrorTail(
            try child.standardError, size: options.standardErrorTailSize, forwards: options.standardError == .forwarded)
        var worker = WorkerProcess(
            index: index, child: child, channel: channel, parcelChannel: parcelChannel,
            parcels: ParcelInbox(parcelChannel), journal: journal, errors: errors)
        do throws(IPCError) {
            worker.served = try await worker.shakeHands(briefing, options)
        } catch {
            let death = await worker.end(grace: .zero)
            throw error.isCancellation ? error : worker.explain(error, death, options)
        }
        return worker
    }

    private static func makeChannel(
        _ options: SocketOptions
    ) throws(IPCError) -> (ours: SocketChannel, theirs: InheritedFile) {
        let ends = try mapping("make the channel of a worker") { () throws(SystemCallError) in
            try SocketCalls.makePair(.stream)
        }
        let theirs = InheritedFile(PassedDescriptor(owning: ends.1))
        return (try SocketChannel(OwnedDescriptor(owning: ends.0), options), theirs)
    }

    /// The first word of the pool.
    private static func briefing(_ options: WorkerPoolOptions) throws(IPCError) -> [UInt8] {
        var argument: [UInt8]?
        if let value = options.setUpArgument { argument = try encode(value) }
        let briefing = WorkerBriefing(
            cancellationGrace: options.cancellationGrace?.nanosecondsClamped, memoryLimit: options.memoryLimit,
            sharedValueSize: options.effectiveSharedValueSize, setUpArgument: argument)
        var hello: [UInt8] = []
        CallWire.appendHello(CallHello(requestLimit: 0, payload: try BinaryCodec.encode(briefing)), to: &hello)
        return hello
    }

    private static func encode<Value: Encodable>(_ value: Value) throws(IPCError) -> [UInt8] {
        try BinaryCodec.encode(value)
    }

    private func shakeHands(_ briefing: [UInt8], _ options: WorkerPoolOptions) async throws(IPCError) -> [String] {
        let deadline = Deadline.after(options.handshakeTimeout)
        do throws(IPCError) {
            try await channel.send(briefing, until: deadline)
        } catch {
            // It is gone already; what it said before, if anything, tells why.
            guard error.code == .peerClosed else { throw error }
        }
        guard let message = try await channel.receive(until: deadline) else {
            throw IPCError(.peerClosed, "it closed its channel")
        }
        let hello = try WorkerLink.readHello(message)
        guard hello.version == CallWire.version else { throw WorkerLink.wrongVersion(hello.version, "it") }
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
                // The status stays where it is: until `kill` takes it, every kernel finds the group by it.
                try? await child.waitForEnd(until: .after(grace))
            }
            let status = try? await child.kill()
            channel.close()
            parcelChannel.close()
            return WorkerCrash(
                workerIndex: index, processID: child.processID, status: status,
                standardErrorTail: await errors.finish())
        }.value
    }

    /// The same for a process whose channel has ended: it is dead, or as good as dead.
    func bury() async -> WorkerCrash {
        await Task(executorPreference: IPCExecutor.shared) {
            channel.close()
            try? await child.waitForEnd(until: .after(.seconds(1)))
            let status = try? await child.kill()
            return WorkerCrash(
                workerIndex: index, processID: child.processID, status: status,
                standardErrorTail: await errors.finish())
        }.value
    }
}
