import IPCSockets
import IPCSystem
import Synchronization

/// A worker process of a ``MultiProcessServer``, as it sees itself. Given to the body of
/// ``MultiProcessServer/serveIfWorker(role:_:)``.
public final class ServerWorker: Sendable {
    struct Leaving: Sendable {
        var deadline: Deadline
        var emptiesQueue: Bool
    }

    struct State: Sendable {
        /// The queues that the server wants served, and how often it has said so.
        var queues: [Int] = []
        var queuesVersion = 0
        /// Sockets that came and were not used yet, by queue.
        var sockets: [Int: PassedDescriptor] = [:]
        var leaving: Leaving?
        var isServing = false
        var hasAskedForReplacement = false
        /// What is to be done when it is to leave.
        var farewells: [Int: @Sendable () -> Void] = [:]
        var lastFarewell = 0
    }

    /// The first of the endpoints that the server's options share.
    private static let firstEndpoint = 2

    /// Its place in the server, from 0 on. The one that replaces it has the same.
    public let place: Int
    let control: SocketChannel
    private let memory: MappedMemory
    private let row: Int
    let state = Lock(State())
    let bell = ChangeBell()

    init(_ control: SocketChannel, _ memory: MappedMemory, _ welcome: ServerControl.Welcome) {
        self.control = control
        self.memory = memory
        place = welcome.place
        row = welcome.rowOffset
    }

    /// Takes what the server has given to this process, and listens to the server from now on.
    static func take() async throws(IPCError) -> ServerWorker {
        let socket = try takeFile(0)
        let file = try takeFile(1)
        let control = try SocketChannel(socket, ServerControl.workerOptions)
        guard let message = try await control.receive() else {
            throw IPCError(.handshakeFailed, "take the part of a worker: the server says nothing")
        }
        guard case .welcome(let welcome) = try BinaryCodec.decode(ServerControl.Order.self, from: message) else {
            throw IPCError(.handshakeFailed, "take the part of a worker: the server did not say who this process is")
        }
        guard welcome.version == ServerControl.version else {
            throw IPCError(
                .wrongVersion,
                "take the part of a worker: the server speaks version \(welcome.version) of the protocol and this process "
                    + "\(ServerControl.version): build both with the same version of the library")
        }
        let number = file.number
        let memory = try mapping("take the part of a worker") { () throws(SystemCallError) in
            try MappedMemory(number, byteCount: welcome.fileByteCount)
        }
        guard memory.bytes.contains(welcome.rowOffset, ServerBoardLayout.rowSize), welcome.rowOffset % 8 == 0 else {
            throw IPCError(.handshakeFailed, "take the part of a worker: its statistics lie outside of their region")
        }
        let worker = ServerWorker(control, memory, welcome)
        Task(executorPreference: IPCExecutor.shared) { await worker.listen() }
        return worker
    }

    private static func takeFile(_ index: Int) throws(IPCError) -> OwnedDescriptor {
        guard let number = try InheritedEndpoints.take(index, as: InheritedFile.self).take() else {
            throw IPCError(.handshakeFailed, "take the part of a worker: a descriptor is missing")
        }
        return OwnedDescriptor(owning: number)
    }

    /// Hears what the server says until it is gone; then this process goes, too, whatever it does.
    private func listen() async {
        do throws(IPCError) {
            while let message = try await control.descriptorMessages.receive() {
                take(try BinaryCodec.decode(ServerControl.Order.self, from: message.payload), message.descriptors)
            }
        } catch {
            if error.code != .peerClosed { StandardErrorLine.write("worker \(place) of a server: \(error)") }
        }
        ProcessExit.leaveAtOnce(1)
    }

    private func take(_ order: ServerControl.Order, _ sockets: [PassedDescriptor]) {
        let (farewells, isServing) = state.withLock { state -> ([@Sendable () -> Void], Bool) in
            switch order {
            case .welcome:
                return ([], true)
            case .queues(let queues):
                state.queues = queues
                state.queuesVersion += 1
                for (queue, socket) in zip(queues, sockets) { state.sockets[queue] = socket }
                return ([], true)
            case .leave(let grace, let emptiesQueue):
                let deadline = Deadline.after(nanoseconds: grace)
                let before = state.leaving
                state.leaving = Leaving(
                    deadline: min(deadline, before?.deadline ?? .never), emptiesQueue: emptiesQueue)
                defer { state.farewells = [:] }
                return (Array(state.farewells.values), state.isServing)
            }
        }
        // Nobody is served, and nobody shall wait for what is being prepared.
        if !isServing { ProcessExit.leaveAtOnce(0) }
        for farewell in farewells { farewell() }
        bell.ring()
    }

    // MARK: For the program

    /// What ``MultiProcessServerOptions/sharing`` gave to this worker, by its place in that list; once each.
    ///
    /// For a region of locks, which takes part in the region asynchronously, there is ``syncRegion(_:until:)``.
    ///
    /// - Throws: as `InheritedEndpoints.take(_:as:)`.
    public func endpoint<Endpoint: DescriptorTransferable>(
        _ index: Int, as type: Endpoint.Type = Endpoint.self
    ) throws(IPCError) -> Endpoint {
        try InheritedEndpoints.take(Self.firstEndpoint + index, as: type)
    }

    /// Counts requests in the statistics, which others see: ``ServerStatistics``. One atomic addition.
    public func countRequest(_ count: Int = 1) { add(count, .requests) }

    func add(_ count: Int, _ word: ServerRowWord) {
        memory.bytes.word64(word.offset(in: row)).add(UInt64(bitPattern: Int64(count)))
    }

    /// Whether this worker is to finish what it does and leave. A handler that serves a connection for long looks between
    /// two requests.
    public var isLeaving: Bool { state.withLock { $0.leaving != nil } }

    /// Asks the server to replace this worker, for example after so many requests: it serves on until a new one does, and
    /// leaves then. Does not wait; asking again changes nothing.
    public func requestReplacement() { requestReplacement(because: nil) }

    /// The same because of a fault, with which it should not go on for long.
    func requestReplacement(because fault: String?) {
        let isFirst = state.withLock { state in
            defer { state.hasAskedForReplacement = true }
            return !state.hasAskedForReplacement && state.leaving == nil
        }
        guard isFirst, let message = try? BinaryCodec.encode(ServerControl.Report.replace(fault: fault)) else { return }
        // At once, because this process may be about to end; unless something else that it says is still on its way.
        if (try? control.trySend(message)) != true {
            Task(executorPreference: IPCExecutor.shared) { [control] in try? await control.send(message) }
        }
    }

    /// Waits for the next request of a client, and no longer than this worker stays: what a handler does between two requests.
    ///
    /// ```swift
    /// while try await worker.waitForRequest(on: connection), let bytes = try await connection.read() {
    ///     try await connection.write(answer(to: bytes))
    /// }
    /// ```
    ///
    /// It takes nothing: the bytes are there for whatever reads them, `connection.read`, or `receive` of the channel that was
    /// made of it. The first request is not waited for here but by that, since that client was accepted by this worker,
    /// perhaps in its last instant, and has nobody else. Where a request has come in part, read on without this. It costs no
    /// task; the waiting is ended from outside.
    ///
    /// - Parameters:
    ///   - connection: one that ``forEachConnection(options:_:)`` of this worker gave.
    ///   - deadline: when to give up.
    /// - Returns: true when there is something to read, also the end or an error; false when there is nothing and this worker
    ///   is to leave.
    /// - Throws: `.timedOut`, `.cancelled`; `.closed`.
    public func waitForRequest(
        on connection: SocketConnection, until deadline: Deadline = .never
    ) async throws(IPCError) -> Bool {
        try await connection.waitWhileIdle(until: deadline)
    }

    /// Calls `farewell` when this worker is to leave, at once if it is to leave already, until the result is given to
    /// ``forget(_:)``.
    func atLeaving(_ farewell: @escaping @Sendable () -> Void) -> Int? {
        let id = state.withLock { state -> Int? in
            guard state.leaving == nil else { return nil }
            state.lastFarewell += 1
            state.farewells[state.lastFarewell] = farewell
            return state.lastFarewell
        }
        if id == nil { farewell() }
        return id
    }

    func forget(_ farewell: Int?) {
        guard let farewell else { return }
        _ = state.withLock { $0.farewells.removeValue(forKey: farewell) }
    }

    /// Runs `body` as long as this worker is not to leave: for waits that nobody misses, other than those for a request, for
    /// which there is ``waitForRequest(on:until:)``.
    ///
    /// ```swift
    /// let isHere = try await worker.untilLeaving { try await barrier.wait() } != nil
    /// ```
    ///
    /// When the worker is to leave, `body` is cancelled. The library's own calls have then either happened or not: a message
    /// that was received is returned. What is to be finished does not belong into `body`. It costs a task for each call.
    ///
    /// - Returns: what `body` returned; nil when it was cancelled because the worker leaves.
    /// - Throws: what `body` throws.
    public func untilLeaving<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result? {
        try await wait(for: body)
    }

    private func wait<Result: Sendable>(for body: @escaping @Sendable () async throws -> Result) async throws -> Result?
    {
        let work = Task(executorPreference: IPCExecutor.shared) { try await body() }
        let farewell = atLeaving { work.cancel() }
        defer { forget(farewell) }
        do {
            return try await withTaskCancellationHandler {
                try await work.value
            } onCancel: {
                work.cancel()
            }
        } catch {
            let isCancellation = error is CancellationError || (error as? IPCError)?.isCancellation == true
            guard isCancellation, isLeaving, !Task.isCancelled else { throw error }
            return nil
        }
    }

    /// The same for a body that may return nil itself, as what waits for the next of something does.
    ///
    /// ```swift
    /// while let news = try await worker.untilLeaving({ try await subscription.next() }) { … }
    /// ```
    ///
    /// - Returns: what `body` returned; nil also when it was cancelled because the worker leaves, which ``isLeaving`` tells.
    /// - Throws: what `body` throws.
    public func untilLeaving<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result?
    ) async throws -> Result? {
        try await wait(for: body) ?? nil
    }
}
