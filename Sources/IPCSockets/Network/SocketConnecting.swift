import IPCCore
import IPCSystem

/// Making a connection: names are looked up, and all addresses of a host are tried.
enum SocketConnecting {
    /// How long one address of several is tried where no deadline is shorter.
    static let patience = Duration.seconds(10)

    /// A connected socket, with both its uses.
    static func connect(
        to address: SocketAddress, _ type: SocketType, retry: ConnectRetry, until deadline: Deadline
    ) async throws(IPCError) -> StreamDescriptor {
        try address.checkStream("connect")
        if type == .packets { try address.checkUnix("connect for packets") }
        guard let first = retry.first else { return try await round(address, type, until: deadline) }
        let point = WaitEngine.shared.makeWaitPoint()
        var pace = RetryPace(first: first, limit: retry.limit)
        while true {
            do throws(IPCError) {
                return try await round(address, type, until: deadline)
            } catch {
                guard ConnectRetry.mayPass(error) else { throw error }
                let last = error
                do throws(IPCError) {
                    try await pace.pause(at: point, until: deadline, "connect")
                } catch {
                    guard error.code == .timedOut else { throw error }
                    throw IPCError(
                        .timedOut, "\(last.message), and so it was until the deadline", object: address.objectName)
                }
            }
        }
    }

    private static func round(
        _ address: SocketAddress, _ type: SocketType, until deadline: Deadline
    ) async throws(IPCError) -> StreamDescriptor {
        let targets = try await address.resolved("connect", until: deadline)
        return try await connect(toFirstOf: targets, type, object: address.objectName, until: deadline)
    }

    /// Tries one address after the other. Each has its share of the time that is left.
    static func connect(
        toFirstOf targets: [NetworkAddress], _ type: SocketType, object: String, until deadline: Deadline
    ) async throws(IPCError) -> StreamDescriptor {
        var last = IPCError(.notFound, "connect: this host has no address", object: object)
        for (index, target) in targets.enumerated() {
            let others = targets.count - index - 1
            let share = deadline.remaining.map { $0 / (others + 1) } ?? patience
            let limit = others == 0 ? deadline : min(deadline, .after(share))
            do throws(IPCError) {
                return try await attempt(target, type, object, until: limit)
            } catch {
                if error.code == .cancelled || deadline.hasPassed && error.code == .timedOut { throw error }
                // The kernel's own patience, or the share, was over: the network leads nowhere.
                last =
                    error.code == .timedOut
                    ? IPCError(.unreachable, "connect: no answer from there", object: object) : error
            }
        }
        throw last
    }

    private static func attempt(
        _ target: NetworkAddress, _ type: SocketType, _ object: String, until deadline: Deadline
    ) async throws(IPCError) -> StreamDescriptor {
        let socket = try mapping("connect", object: object) { () throws(SystemCallError) in
            try NetworkCalls.makeSocket(target.family, type.kind)
        }
        var state = try start(socket.number, target, object)
        if state == .full {
            // A queue that is full tells nobody when it has room: look again, more and more rarely.
            let point = WaitEngine.shared.makeWaitPoint()
            var pace = RetryPace(first: .milliseconds(1), limit: .milliseconds(50))
            repeat {
                try await pace.pause(at: point, until: deadline, "connect")
                state = try start(socket.number, target, object)
            } while state == .full
        }
        let stream = try StreamDescriptor(socket, kind: .init(target.family == .unix, type), uses: 2)
        do throws(IPCError) {
            if state == .underWay {
                while try !isConnected(stream.number, object) {
                    try await stream.registration.waitWritable(until: deadline, "connect")
                }
            }
            try refuseItself(stream.number, target, object)
            return stream
        } catch {
            stream.endUse()
            stream.endUse()
            throw error
        }
    }

    private static func start(
        _ socket: Int32, _ target: NetworkAddress, _ object: String
    ) throws(IPCError) -> NetworkCalls.Connecting {
        do throws(SystemCallError) {
            return try NetworkCalls.connect(socket, to: target)
        } catch {
            throw failure(error, object)
        }
    }

    /// What has come of a connect(2) that is under way: false while nothing has.
    private static func isConnected(_ socket: Int32, _ object: String) throws(IPCError) -> Bool {
        do throws(SystemCallError) {
            try NetworkCalls.takeError(socket)
        } catch {
            throw failure(error, object)
        }
        do throws(SystemCallError) {
            _ = try NetworkCalls.remoteAddress(socket)
            return true
        } catch {
            if error.errno == Errno.notConnected { return false }
            throw failure(error, object)
        }
    }

    /// A port of this machine that the kernel chose for the client may be the one that it calls: then it is connected to
    /// itself, and nobody listens there.
    private static func refuseItself(
        _ socket: Int32, _ target: NetworkAddress, _ object: String
    ) throws(IPCError) {
        guard case .ip = target else { return }
        let isItself = try mapping("connect", object: object) { () throws(SystemCallError) in
            try NetworkCalls.localAddress(socket) == target
        }
        if isItself { throw failure(SystemCallError(.connect, Errno.connectionRefused), object) }
    }

    private static func failure(_ error: SystemCallError, _ object: String) -> IPCError {
        switch error.errno {
        case Errno.connectionReset where object.hasPrefix("vsock"), Errno.noDevice where object.hasPrefix("vsock"):
            IPCError(.connectionRefused, "connect: nobody listens there", object: object)
        case Errno.addressNotAvailable:
            IPCError(
                .resourceExhausted, "connect: no port of this machine is free for another connection to there",
                object: object, systemCall: error.call.rawValue, errno: error.errno)
        default: IPCError(error, "connect", object: object)
        }
    }
}
