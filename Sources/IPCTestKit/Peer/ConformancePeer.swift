import IPCProcess
import IPCSystem

/// The other process of the conformance suite.
///
/// A package that tests transports has a small program for it:
///
/// ```swift
/// @main struct Peer {
///     static func main() async throws {
///         await ConformancePeer.serveIfAsked([.pipeChannel, .socketPair])
///     }
/// }
/// ```
///
/// ``ConformanceRemote/program`` is its path. The suite starts it with the far end of a channel and a role in the
/// variable `SWIFT_IPC_CONFORMANCE_PEER`.
public enum ConformancePeer {
    /// Plays the role that the suite asks for, and ends the process: with 0 if all was as the contract says, with 1 and a
    /// message on standard error otherwise. Returns at once in a process that was not asked.
    ///
    /// - Parameter transports: the descriptions; the suite names one of them.
    public static func serveIfAsked(_ transports: [ConformanceTransport]) async {
        guard let text = TestingCalls.startVariable(PeerOrder.variable) else { return }
        do {
            guard let order = PeerOrder(text) else {
                throw IPCError(.invalidArgument, "play a peer: the order is not ROLE,COUNT,TRANSPORT", object: text)
            }
            guard let transport = transports.first(where: { $0.name == order.transport }), let remote = transport.remote
            else {
                throw IPCError(
                    .notFound, "play a peer: describe the transport in the peer program too", object: order.transport)
            }
            let endpoint = try InheritedEndpoints.take(0, as: PeerEndpoint.self).transferred
            try await play(order, transport, remote, endpoint)
        } catch {
            TestingCalls.report("conformance peer (\(text)): \(error)\n")
            return ProcessExit.leave(1)
        }
        ProcessExit.leave(0)
    }

    private static func play(
        _ order: PeerOrder, _ transport: ConformanceTransport, _ remote: ConformanceRemote,
        _ endpoint: TransferredDescriptors
    ) async throws {
        if order.role == .writeAndDie {
            guard let openRaw = remote.openRaw, let wire = transport.wire else {
                throw IPCError(.unsupported, "play a peer: the transport describes no raw bytes")
            }
            try await openRaw(endpoint, Array(CutStream(wire).bytes.prefix(order.count)))
            TestingCalls.killSelf()
        }
        let ends = try await remote.openEnd(endpoint)
        let role = PeerRole(context: ConformanceContext(topic: .remoteStream, transport: transport), ends: ends)
        switch order.role {
        case .echo: try await role.echo()
        case .stream: try await role.stream(order.count, finishes: true)
        case .streamAndDie:
            try await role.stream(order.count, finishes: false)
            TestingCalls.killSelf()
        case .receive: try await role.receive(order.count)
        case .hold: try await role.hold()
        case .writeAndDie: break
        }
    }
}

/// What a peer does with its end.
struct PeerRole {
    let context: ConformanceContext
    let ends: ConformanceEnds

    private var sender: any SendChannel<[UInt8]> {
        get throws {
            guard let sender = ends.sender else { throw context.failure("an end that sends", "one that does not") }
            return sender
        }
    }

    private var receiver: any ReceiveChannel<[UInt8]> {
        get throws {
            guard let receiver = ends.receiver else {
                throw context.failure("an end that receives", "one that does not")
            }
            return receiver
        }
    }

    func echo() async throws {
        while let message = try await receiver.receive(until: context.limit) {
            try await sender.send(message, until: context.limit)
        }
        try await sender.finish(until: context.limit)
    }

    func stream(_ count: Int, finishes: Bool) async throws {
        var generator = context.generator
        for index in 0..<count {
            let record = Record.bytes(sender: 0, index: index, size: context.recordSize(&generator))
            try await sender.send(record, until: context.limit)
            KillPoint.pass("conformance-peer-sent")
        }
        if finishes { try await sender.finish(until: context.limit) }
    }

    func receive(_ count: Int) async throws {
        var ledger = Ledger(context)
        var reassembler = Reassembler(context)
        while ledger.count < count || context.guarantees.topology == .link {
            guard let chunk = try await receiver.receive(until: context.limit) else { break }
            for record in reassembler.add(chunk) { try ledger.take(record) }
        }
        try ledger.expect(count, from: 1)
    }

    /// Until the suite kills this process, but not for ever.
    func hold() async throws {
        let limit = context.limit
        while !limit.hasPassed { try await Task.sleep(for: .milliseconds(50)) }
        throw context.failure("to be killed", "nothing happened")
    }
}
