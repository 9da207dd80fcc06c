import IPCProcess
import IPCSockets

/// A listener, a client that connects to it, and one conversation, at an address of any kind.
private enum ListenerVisit {
    static func run(
        _ stop: some TourStop, at address: SocketAddress, _ type: SocketType = .stream, until deadline: Deadline
    ) async throws -> TourResult {
        let options = SocketListenerOptions(maximumConnections: 1, gracePeriod: .zero, type: type)
        return try await SocketListener.withListener(at: address, options: options) { listener in
            let child = try await Tour.startPeer(of: stop, arguments: ["\(listener.address)"])
            return try await withPeer(child) { child in
                guard let connection = try await listener.accept(until: deadline) else {
                    throw TourFailure("the listener ended")
                }
                let channel = try connection.channel()
                var result = try await Exchange(incoming: channel, outgoing: channel).run(until: deadline)
                result.deathNotice = try await Death.notice(of: child, by: channel, until: deadline)
                return result
            }
        }
    }

    static func serve(_ arguments: [String], _ type: SocketType = .stream) async throws {
        let channel = try await SocketChannel.connect(
            to: SocketAddress(arguments[0]), options: SocketOptions(type: type))
        try await Exchange(incoming: channel, outgoing: channel).serve()
    }
}

/// A port of this machine that the kernel chooses.
struct TCPStop: TourStop {
    let mechanism = "TCP"

    func visit(until deadline: Deadline) async throws -> TourResult {
        try await ListenerVisit.run(self, at: .tcp(port: 0), until: deadline)
    }

    func serve(_ arguments: [String]) async throws { try await ListenerVisit.serve(arguments) }
}

/// Packets, at a name that is no file.
struct PacketStop: TourStop {
    let mechanism = "Unix packets"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let address = try SocketAddress.unix(abstract: "ipcctl-tour-\(UInt64.random(in: .min ... .max))")
        return try await ListenerVisit.run(self, at: address, .packets, until: deadline)
    }

    func serve(_ arguments: [String]) async throws { try await ListenerVisit.serve(arguments, .packets) }
}

/// Unix datagrams: two places, each with an address of its own. Nobody is told of a death, so a process is asked for it.
struct DatagramStop: TourStop {
    let mechanism = "Unix datagrams"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let name = "ipcctl-tour-\(UInt64.random(in: .min ... .max))"
        let own = try DatagramChannel(at: .unix(abstract: name))
        defer { own.close() }
        let child = try await Tour.startPeer(of: self, arguments: [name])
        return try await withPeer(child) { child in
            // The peer says first where it is.
            guard let greeting = try await own.receive(until: deadline), let peer = greeting.address else {
                throw TourFailure("the peer did not say where it is")
            }
            let channel = own.payloads(to: peer)
            var result = try await Exchange(incoming: channel, outgoing: channel).run(until: deadline)
            result.deathNotice = try await Death.notice(of: child) { () -> ExitStatus? in
                try? await child.exitStatus(until: deadline)
            } expected: {
                $0 == .signaled(.kill, coreDumped: false)
            }
            return result
        }
    }

    func serve(_ arguments: [String]) async throws {
        let channel = try await DatagramChannel.connect(
            to: .unix(abstract: arguments[0]), from: .unix(abstract: arguments[0] + "-peer"))
        try await channel.send(Datagram(payload: []))
        try await Exchange(incoming: channel.payloads(), outgoing: channel.payloads()).serve()
    }
}
