import IPCCore
import IPCSystem

/// What happens between accept(2) and the client's first message.
extension SocketListener {
    /// Makes a connection of a socket if its peer may connect, else closes it.
    func admit(_ socket: consuming OwnedDescriptor) -> SocketConnection? {
        let number = socket.number
        do throws(IPCError) {
            let peer = try mapping("accept", object: address.description) { () throws(SystemCallError) in
                try credentials(of: number)
            }
            guard options.authorization(peer, try remoteAddress(of: number)) else {
                let reason = IPCError(.permissionDenied, "accept: the authorisation refused the peer")
                IPCObservation.emit(.connectionRefused(listener: address.description, peer: peer, reason: reason))
                return nil
            }
            let connections = connections
            let id = connections.nextID()
            let stream = try StreamDescriptor(socket, kind: stream.kind, uses: 2) { connections.leave(id) }
            let handshake = options.handshakeDeadline.map {
                ConnectionRegistry.Handshake(state: StreamHandshake(), peer: peer, due: .after($0))
            }
            if connections.enter(id, stream, handshake) { watchHandshakes() }
            guard !accepting.isClosed else {
                // The listener ended while its peer was being looked at, and may not have seen this one any more when
                // it ended its connections: nobody would.
                stream.endUse()
                stream.endUse()
                throw .closed("accept")
            }
            IPCObservation.emit(.connectionAccepted(listener: address.description, peer: peer))
            return SocketConnection(stream, peer: peer, handshake: handshake?.state)
        } catch {
            IPCObservation.emit(.connectionRefused(listener: address.description, peer: nil, reason: error))
            return nil
        }
    }

    /// The peer's credentials, with its groups where they matter.
    private func credentials(of number: Int32) throws(SystemCallError) -> PeerCredentials {
        var peer = PeerCredentials(try SocketCalls.peerCredentials(number))
        if options.authorization.asksForGroups && address.isUnix {
            peer.supplementaryGroupIDs = try NetworkCalls.peerGroups(number)
        }
        return peer
    }

    /// Where the peer is; its own address says nothing that its credentials do not, where there are any.
    private func remoteAddress(of number: Int32) throws(IPCError) -> SocketAddress {
        if address.isUnix { return address }
        return try mapping("accept", object: address.description) { () throws(SystemCallError) in
            SocketAddress(try NetworkCalls.remoteAddress(number), .stream)
        }
    }

    // MARK: The first message

    /// Hangs up on clients that say nothing for too long, in a task that lasts as long as there are clients who have said
    /// nothing yet.
    private func watchHandshakes() {
        guard let patience = options.handshakeDeadline else { return }
        let (connections, engine, name) = (connections, stream.engine, address.description)
        Task.detached(executorPreference: engine.executor) {
            let point = engine.makeWaitPoint()
            var next = connections.look { stream, handshake in
                Self.hangUp(stream, handshake, patience, listener: name)
            }
            // Ends: with the last connection whose client has said nothing, or as soon as they all have.
            while let due = next {
                // A moment later than the first is due, so that many take a few looks and not one each.
                _ = try? await point.wait(until: Swift.max(due, .after(patience / 32)), "watch for the first message")
                next = connections.look { stream, handshake in
                    Self.hangUp(stream, handshake, patience, listener: name)
                }
            }
        }
    }

    /// Ends a connection whose client's time is over.
    ///
    /// - Returns: when to look again, where the client has said something that the server has not read.
    private static func hangUp(
        _ stream: StreamDescriptor, _ handshake: ConnectionRegistry.Handshake, _ patience: Duration, listener: String
    ) -> Deadline? {
        guard stream.beginUse() else { return nil }
        defer { stream.endUse() }
        if let readiness = try? PipeCalls.readiness(stream.number, for: .readable), readiness.contains(.readable) {
            return .after(patience / 8)
        }
        guard handshake.state.expire() else { return nil }
        stream.shutdown(reading: true, writing: true)
        IPCObservation.emit(
            .connectionRefused(listener: listener, peer: handshake.peer, reason: StreamHandshake.failure))
        return nil
    }
}
