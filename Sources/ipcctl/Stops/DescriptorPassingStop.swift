import IPCProcess
import IPCSockets
import IPCSystem

/// Descriptors there and back through a socket, and open channels as messages.
struct DescriptorPassingStop: TourStop {
    let mechanism = "descriptor passing"

    /// A channel on its way is two descriptors of its socket.
    private static let options = SocketOptions(maximumDescriptors: 2)
    private static let giveBack: UInt8 = 1
    private static let answerThere: UInt8 = 2

    func visit(until deadline: Deadline) async throws -> TourResult {
        let (ours, theirs) = try SocketChannel.makePair(options: Self.options)
        let child = try await Tour.startPeer(of: self, transferring: [theirs])
        return try await withPeer(child) { child in
            var result = TourResult()
            try await passBackAndForth(&result, ours.descriptorMessages, until: deadline)
            try await passChannels(&result, ours.descriptorMessages, until: deadline)
            result.deathNotice = try await Death.notice(of: child, by: ours, until: deadline)
            return result
        }
    }

    /// One descriptor there and back is a round trip. It comes back as another number of the same open file.
    private func passBackAndForth(
        _ result: inout TourResult, _ channel: DescriptorChannel, until deadline: Deadline
    ) async throws {
        var descriptor = try PassedDescriptor(duplicating: 2)
        let original = try identity(of: descriptor)
        let clock = ContinuousClock()
        for _ in 0..<1_000 {
            let start = clock.now
            try await channel.send(SocketMessage(payload: [Self.giveBack], descriptors: [descriptor]), until: deadline)
            let answer = try await channel.receive(until: deadline)
            result.roundTrips.append(clock.now - start)
            guard let returned = answer?.descriptors.first else { throw TourFailure("no descriptor came back") }
            try require(try identity(of: returned) == original, "another file came back")
            descriptor = returned
            result.messagesChecked += 1
        }
    }

    /// An open channel as a message; its new owner says something through it.
    private func passChannels(
        _ result: inout TourResult, _ channel: DescriptorChannel, until deadline: Deadline
    ) async throws {
        for round in 0..<100 {
            let (near, far) = try SocketChannel.makePair()
            var message = SocketMessage(try far.transfer())
            message.payload.insert(Self.answerThere, at: 0)
            try await channel.send(message, until: deadline)
            let question = Pattern.bytes(count: 64, seed: round)
            try await near.send(question, until: deadline)
            try require(
                try await near.receive(until: deadline) == question, "the passed channel carried something else")
            try require(try await near.receive(until: deadline) == nil, "the passed channel did not finish")
            result.messagesChecked += 1
        }
    }

    private func identity(of descriptor: PassedDescriptor) throws -> [UInt64] {
        guard let number = descriptor.borrowedNumber else { throw TourFailure("the descriptor is gone") }
        let status = try FileCalls.status(of: number)
        return [status.device, status.inode]
    }

    func serve(_ arguments: [String]) async throws {
        let channel = try InheritedEndpoints.take(0, as: SocketChannel.self).descriptorMessages
        while let message = try await channel.receive() {
            guard message.payload.first == Self.answerThere else {
                try await channel.send(message)
                continue
            }
            var passed = message
            passed.payload.removeFirst()
            let far = try SocketChannel.receive(TransferredDescriptors(passed))
            if let question = try await far.receive() { try await far.send(question) }
            try await far.finish()
        }
    }
}
