public import IPCCore
import IPCSystem
import Synchronization

/// A place where others connect: an `AsyncSequence` of connections, as many at once as ``SocketListenerOptions`` allow.
///
/// ```swift
/// try await SocketListener.withListener(at: .unix(name: "echo.sock")) { listener in
///     try await withThrowingDiscardingTaskGroup { group in
///         for try await connection in listener {
///             group.addTask {
///                 do {
///                     let channel = try connection.channel()
///                     for try await message in channel.incoming { try await channel.send(message) }
///                     try await channel.finish()
///                 } catch { /* A client that goes without a word is its own affair. */  }
///             }
///         }
///     }
/// }
/// ```
///
/// - **Who may connect** is asked before a byte is read: the permissions of the file first, then
///   ``SocketListenerOptions/authorization``. Who then says nothing, or not a whole message, is hung up on after
///   ``SocketListenerOptions/handshakeDeadline``.
/// - **The name** is never taken from a server that is alive, and taken over from one that died. Beside the socket stands
///   a lock file, `NAME.lock`; both go when the listener ends. Symbolic links, other files and what belongs to other users
///   are refused.
/// - **Want of descriptors** or memory does not end the listener: it waits a little and tries again.
/// - **Events** go to the observer of the process, `IPCObservation`: each connection that was accepted or refused.
///
/// - **Over TCP** the same, with an address of another kind: there is no file, and nobody is known but by his address.
///
/// unix(7), tcp(7), listen(2), accept4(2).
public final class SocketListener: Sendable {
    /// Where it listens.
    public let address: SocketAddress

    let options: SocketListenerOptions
    let connections: ConnectionRegistry
    let stream: StreamDescriptor
    let name: Lock<SocketName?>
    /// Whether it had a name in the file system that it holds, from the start.
    let hasName: Bool
    let accepting = TaskLock()
    /// Whether this process is to take no more connections from the socket. See `stopAccepting`.
    let stopping = Atomic<UInt8>(Stopping.never)
    private let shuttingDown = TaskLock()

    /// Listens at `address`. Prefer ``withListener(at:options:_:)``, which ends it, too.
    ///
    /// - Throws: `.addressInUse` when somebody listens there; `.permissionDenied` when the folder may not be written to,
    ///   or a symbolic link or somebody else's file has the name, or the port is one of the system's; `.alreadyExists` when
    ///   a file that is no socket has it; `.notFound` when there is no such folder, or this machine does not have the
    ///   address; `.invalidArgument`, also for the name of a host (``listen(at:options:until:)`` looks it up);
    ///   `.resourceExhausted`; `.unsupported` where the kernel has no such addresses.
    public convenience init(
        at address: SocketAddress, options: SocketListenerOptions = SocketListenerOptions()
    ) throws(IPCError) {
        self.init(try ListeningSocket(at: address, try address.inNumbers("listen"), options), options)
    }

    /// Listens at `address`, whose host may be a name: it is looked up, and the first of its addresses that this machine has
    /// is taken.
    ///
    /// - Throws: as ``init(at:options:)``; `.notFound` or `.unreachable` for the name; `.timedOut`, `.cancelled`.
    public static func listen(
        at address: SocketAddress, options: SocketListenerOptions = SocketListenerOptions(),
        until deadline: Deadline = .never
    ) async throws(IPCError) -> SocketListener {
        var last = IPCError(.notFound, "listen: this host has no address", object: address.description)
        for network in try await address.resolved("listen", until: deadline) {
            do throws(IPCError) {
                return SocketListener(try ListeningSocket(at: address, network, options), options)
            } catch {
                last = error
                guard error.code == .notFound else { break }
            }
        }
        throw last
    }

    init(_ socket: consuming ListeningSocket, _ options: SocketListenerOptions) {
        var socket = socket
        let stream = socket.stream
        self.stream = stream
        self.options = options
        address = socket.address
        connections = ConnectionRegistry(limit: options.maximumConnections, engine: stream.engine)
        let name = socket.takeName()
        hasName = name != nil
        self.name = Lock(name)
    }

    deinit { close() }

    /// How many connections are open.
    public var connectionCount: Int { connections.count }

    // MARK: Accepting

    /// Waits for the next connection that is allowed.
    ///
    /// Several tasks may wait; each connection goes to one of them.
    ///
    /// - Returns: nil when the listener has been shut down or closed.
    /// - Throws: `.cancelled` or `.timedOut`; another error when the socket itself is broken.
    public func accept(until deadline: Deadline = .never) async throws(IPCError) -> SocketConnection? {
        if !accepting.tryAcquire() {
            do throws(IPCError) {
                try await accepting.acquire(until: deadline, "accept", engine: stream.engine)
            } catch {
                if error.code == .closed { return nil }
                throw error
            }
        }
        do throws(IPCError) {
            let connection = try await next(until: deadline)
            release()
            return connection
        } catch {
            release()
            throw error
        }
    }

    private func next(until deadline: Deadline) async throws(IPCError) -> SocketConnection? {
        var pace = RetryPace(first: .milliseconds(5), limit: .seconds(1))
        var refusals = 0
        // Looked at before a connection is taken, never after: one that was taken is handed over.
        while !accepting.isClosed && !hasStopped {
            guard connections.count < connections.limit else {
                IPCObservation.emit(
                    .log(
                        level: .info, message: "\(address): \(connections.limit) connections are open, accepting waits")
                )
                try await waitForVacancy(until: deadline)
                continue
            }
            let attempt: Attempt
            do throws(SystemCallError) {
                if let socket = try SocketCalls.accept(stream.number) {
                    attempt = .accepted(socket)
                } else {
                    attempt = .nobody
                }
            } catch {
                attempt = .failed(error)
            }
            switch consume attempt {
            case .accepted(let socket):
                if let connection = admit(socket) { return connection }
                // Many refusals in a row must not keep others from running.
                refusals += 1
                if refusals % 16 == 0 { await Task.yield() }
                if Task.isCancelled { throw .cancelled("accept") }
            case .nobody:
                if isStopping { return nil }
                try await stream.registration.waitReadable(until: deadline, "accept")
            case .failed(let error):
                let failure = IPCError(error, "accept", object: address.description)
                switch error.errno {
                case _ where error.concernsOneClient: break  // he is gone already
                case Errno.tooManyOpenFiles, Errno.systemFileTableFull, Errno.noMemory, Errno.noBufferSpace:
                    IPCObservation.emit(.log(level: .warning, message: "\(failure)"))
                    try await pace.pause(at: connections.vacancy, until: deadline, "accept")
                default:
                    if accepting.isClosed { return nil }
                    throw failure
                }
            }
        }
        return nil
    }

    private enum Attempt: ~Copyable {
        case accepted(OwnedDescriptor)
        case nobody
        case failed(SystemCallError)
    }

    private func waitForVacancy(until deadline: Deadline) async throws(IPCError) {
        while connections.count >= connections.limit && !accepting.isClosed && !hasStopped {
            try await connections.vacancy.wait(until: deadline, "accept")
        }
    }

    func release() {
        if accepting.release() { stream.endUse() }
    }

    // MARK: Ending

    /// Stops listening, waits until the connections that are open have been closed, and ends those that are left when the
    /// deadline passes or the task is cancelled: their peers see the end, here `receive` ends as if they had gone.
    ///
    /// The name is removed at once. Whoever waits in the kernel's queue is turned away, and so is a peer that
    /// ``SocketListenerOptions/authorization`` is looking at: nothing was read from them.
    ///
    /// - Returns: how many connections had to be ended.
    @discardableResult
    public func shutDown(until deadline: Deadline) async -> Int {
        close()
        do throws(IPCError) {
            try await shuttingDown.acquire(until: deadline, "shut down", engine: stream.engine)
        } catch {
            return connections.endAll()
        }
        do throws(IPCError) {
            while connections.count > 0 { try await connections.emptiness.wait(until: deadline, "shut down") }
        } catch {
            // The deadline has passed, or the task was cancelled: no more grace.
        }
        _ = shuttingDown.release()
        return connections.endAll()
    }

    /// Stops listening at once and removes the name. Connections that were accepted live on. Idempotent, never waits.
    public func close() {
        // The name first: as long as it is there somebody listens, so that no other server takes it for dead.
        if let name = name.withLock({ $0.take() }) { name.remove() }
        if accepting.close() {
            stream.endUse()
        } else {
            stream.registration.readable.signal()
            connections.vacancy.signal()
        }
    }
}

extension SocketListener: AsyncSequence {
    /// A connection that was allowed.
    public typealias Element = SocketConnection
    /// What ends the iteration early.
    public typealias Failure = IPCError

    /// One pass over the connections. Not to be shared between tasks: make another one.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let listener: SocketListener

        fileprivate init(_ listener: SocketListener) {
            self.listener = listener
        }

        /// The next connection; nil when the listener has been shut down or closed.
        public mutating func next() async throws(IPCError) -> SocketConnection? {
            try await listener.accept()
        }

        /// The next connection; nil when the listener has been shut down or closed.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(IPCError) -> SocketConnection? {
            try await listener.accept()
        }
    }

    /// Starts a pass over the connections.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}

@available(*, unavailable)
extension SocketListener.AsyncIterator: Sendable {}
