import IPCSockets
import IPCSystem

/// The worker's side of a pool. See ``withWorkerPool(of:options:_:)``.
public enum Worker {
    /// Serves tasks of these types if this process was started as a worker, and returns at once if it was not.
    ///
    /// Call it first in `main`: what comes before runs in every worker too. In a worker it does not return: the process
    /// exits with 0 when its pool is done, and with 1, after a line on standard error, when the parent is gone or talks
    /// nonsense.
    ///
    /// ```swift
    /// static func main() async throws {
    ///     try await Worker.serveIfSpawned(CountWords.self, Thumbnail.self)
    ///     …
    /// }
    /// ```
    ///
    /// The environment variables that make a process a worker are removed before anything else happens.
    ///
    /// - Throws: `.invalidArgument` when two types have the same ``WorkerJob/workerTaskName``, in every process.
    public static func serveIfSpawned<each Work: WorkerJob>(
        _ types: repeat (each Work).Type
    ) async throws(IPCError) {
        var runners: [TaskRunner] = []
        for type in repeat each types { runners.append(try TaskRunner.make(for: type)) }
        try await serveIfSpawned(runners) { _ in nil }
    }

    /// The same in workers that make themselves ready first: open a database, load a model.
    ///
    /// ```swift
    /// try await Worker.serveIfSpawned(Lookup.self) { start in
    ///     try Database(path: start.argument(as: String.self))
    /// }
    /// ```
    ///
    /// `setUp` runs once in each worker, before its first task and within ``WorkerPoolOptions/handshakeTimeout``. Its
    /// result is what tasks get as ``WorkerContext/state(as:)``; when it throws, the worker cannot be started, and tasks
    /// fail with `.handshakeFailed` that says why.
    public static func serveIfSpawned<each Work: WorkerJob, State: Sendable>(
        _ types: repeat (each Work).Type, setUp: @Sendable (WorkerSetUp) async throws -> State
    ) async throws(IPCError) {
        var runners: [TaskRunner] = []
        for type in repeat each types { runners.append(try TaskRunner.make(for: type)) }
        try await serveIfSpawned(runners) { try await setUp($0) }
    }

    private static func serveIfSpawned(
        _ runners: [TaskRunner], setUp: (WorkerSetUp) async throws -> (any Sendable)?
    ) async throws(IPCError) {
        let names = Set(runners.map(\.name))
        guard names.count == runners.count else {
            throw IPCError(
                .invalidArgument, "serve tasks: two types have the same name; give one another workerTaskName",
                object: runners.map(\.name).sorted().joined(separator: ", "))
        }
        guard let index = try WorkerRole.claim() else { return }
        var status: Int32 = 0
        do throws(IPCError) {
            try await serve(runners, index, setUp)
        } catch {
            // When the parent is gone nobody misses an answer, and nobody reads a complaint.
            if error.code != .peerClosed { StandardErrorLine.write("worker \(index): \(error)") }
            status = 1
        }
        ProcessExit.leave(status)
    }

    private static func serve(
        _ runners: [TaskRunner], _ index: Int, _ setUp: (WorkerSetUp) async throws -> (any Sendable)?
    ) async throws(IPCError) {
        let file = try take(1)
        let journal = try JournalWriter(file.number)
        // Not before: an owned descriptor may go after its last use, and its number alone keeps nothing open.
        _ = consume file
        let equipment = WorkerService.Equipment(
            index: index, channel: try SocketChannel(try take(0), WorkerLink.socketOptions),
            parcels: try SocketChannel(try take(2), WorkerLink.parcelOptions), journal: journal)
        let briefing = try await readBriefing(equipment.channel)
        let state: (any Sendable)?
        do {
            state = try await setUp(WorkerSetUp(workerIndex: index, encoded: briefing.setUpArgument))
        } catch {
            try await refuse(equipment.channel, error)
            throw IPCError(.handshakeFailed, "set up a worker: \(error)")
        }
        try await WorkerService(equipment, briefing, runners, state: state).serve()
    }

    /// The pool speaks first. One of another version is told which this one is, so that it can say so.
    private static func readBriefing(_ channel: SocketChannel) async throws(IPCError) -> WorkerBriefing {
        guard let message = try await channel.receive() else {
            throw IPCError(.peerClosed, "the pool closed its channel")
        }
        let hello = try WorkerLink.readHello(message)
        guard hello.version == CallWire.version else {
            var answer: [UInt8] = []
            CallWire.appendHello(CallHello(requestLimit: 0), to: &answer)
            try await channel.send(answer)
            throw WorkerLink.wrongVersion(hello.version, "the pool")
        }
        return try BinaryCodec.decode(WorkerBriefing.self, from: hello.payload)
    }

    /// Instead of a hello: why there is none.
    private static func refuse(_ channel: SocketChannel, _ error: any Error) async throws(IPCError) {
        var frame: [UInt8] = []
        CallWire.appendFailure(id: 0, TaskErrors.failure(for: error), to: &frame)
        try await channel.send(frame)
    }

    private static func take(_ index: Int) throws(IPCError) -> OwnedDescriptor {
        guard let number = try InheritedEndpoints.take(index, as: InheritedFile.self).take() else {
            throw IPCError(.handshakeFailed, "take the part of a worker: a descriptor is missing")
        }
        return OwnedDescriptor(owning: number)
    }
}
