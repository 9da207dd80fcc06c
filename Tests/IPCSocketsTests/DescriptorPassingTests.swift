import IPCSockets
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct DescriptorPassingTests {
    @Test(arguments: [1, 2, 3, 4, 16, 253])
    func asManyAsAMessageHolds(_ count: Int) async throws {
        let (near, far) = try SocketChannel.makePair(options: SocketOptions(maximumDescriptors: count))
        let tracer = try Tracer()
        for round in 0..<3 {
            let descriptors = try (0..<count).map { _ in try tracer.copy() }
            try await near.descriptorMessages.send(
                SocketMessage(payload: [UInt8(round)], descriptors: descriptors))
            #expect(descriptors.allSatisfy { $0.take() == nil })
            let message = try #require(try await far.descriptorMessages.receive())
            #expect(message.payload == [UInt8(round)])
            #expect(message.descriptors.count == count)
            let expected = try identity(tracer.writing.borrowedNumber)
            for descriptor in message.descriptors { #expect(try identity(descriptor.borrowedNumber) == expected) }
        }
        _ = tracer.writing.take().map(closeDescriptor)
        #expect(try await tracer.ends())
    }

    @Test func everyMessageGetsItsOwn() async throws {
        let options = SocketOptions(maximumDescriptors: 3, sendBufferSize: 20_000)
        let (near, far) = try SocketChannel.makePair(options: options)
        var generator = SystemRandomNumberGenerator()
        let plan = (0..<400).map { index in
            (size: Int.random(in: 0...(index % 20 == 0 ? 200_000 : 600), using: &generator), count: index % 4)
        }
        let sending = Task {
            var identities: [[UInt64]] = []
            for step in plan {
                let pipes = try (0..<step.count).map { _ in try DescriptorCalls.makePipe() }
                identities.append(try pipes.map { try identity($0.writing) })
                pipes.forEach { closeDescriptor($0.reading) }
                try await near.descriptorMessages.send(
                    SocketMessage(
                        payload: [UInt8](repeating: UInt8(step.count), count: step.size),
                        descriptors: pipes.map { PassedDescriptor(owning: $0.writing) }))
            }
            try await near.finish()
            return identities
        }
        var received: [[UInt64]] = []
        for try await message in far.descriptorMessages.incoming {
            received.append(try message.descriptors.map { try identity($0.borrowedNumber) })
            #expect(message.payload.count == plan[received.count - 1].size)
            if received.count % 50 == 0 { try await Task.sleep(for: .milliseconds(1)) }
        }
        #expect(try await sending.value == received)
    }

    @Test func plainReceiveClosesThem() async throws {
        let (near, far) = try SocketChannel.makePair(options: SocketOptions(maximumDescriptors: 2))
        let tracer = try Tracer()
        for round in 0..<4 {
            try await near.descriptorMessages.send(
                SocketMessage(payload: [UInt8(round)], descriptors: [try tracer.copy(), try tracer.copy()]))
        }
        #expect(try await far.receive() == [0])
        #expect(try await far.receive { $0.byteCount } == 1)
        #expect(try far.tryReceive() == .message([2]))
        #expect(try await far.receive(upTo: 5, until: .never) { _ in } == 1)
        _ = tracer.writing.take().map(closeDescriptor)
        #expect(try await tracer.ends())
    }

    @Test func closingClosesWhatWaits() async throws {
        let (near, far) = try SocketChannel.makePair(options: SocketOptions(maximumDescriptors: 2))
        let tracer = try Tracer()
        for _ in 0..<3 {
            try await near.descriptorMessages.send(SocketMessage(payload: [1], descriptors: [try tracer.copy()]))
        }
        #expect(try await far.descriptorMessages.receive()?.descriptors.count == 1)
        far.close()
        near.close()
        _ = tracer.writing.take().map(closeDescriptor)
        #expect(try await tracer.ends())
    }

    @Test func whatWasNotSentStaysTheCallers() async throws {
        let (near, far) = try SocketChannel.makePair(
            options: SocketOptions(maximumDescriptors: 1, sendBufferSize: 4096))
        while try near.trySend([UInt8](repeating: 0, count: 1000)) {}
        let tracer = try Tracer()
        let message = SocketMessage<[UInt8]>(payload: [9], descriptors: [tracer.writing])
        #expect(try near.descriptorMessages.trySend(message) == false)
        let late = await failure { () async throws(IPCError) in
            try await near.descriptorMessages.send(message, until: .after(.milliseconds(10)))
        }
        #expect(late?.code == .timedOut)
        let waiting = Task { try await near.descriptorMessages.send(message) }
        try await eventually { tracer.writing.borrowedNumber == nil }
        #expect(message.descriptors[0].take() == nil, "it is lent while it is being sent")
        waiting.cancel()
        await #expect(throws: IPCError.self) { try await waiting.value }
        #expect(try !tracer.isOver)
        #expect(tracer.writing.borrowedNumber != nil)
        async let sent: Void = near.descriptorMessages.send(message)
        var last: SocketMessage<[UInt8]>?
        while last?.descriptors.isEmpty != false { last = try await far.descriptorMessages.receive() }
        try await sent
        #expect(last?.payload == [9])
        #expect(tracer.writing.take() == nil)
    }

    @Test func refusesWhatCannotBeSent() async throws {
        let (near, far) = try SocketChannel.makePair(options: SocketOptions(maximumDescriptors: 1))
        let tracer = try Tracer()
        let twice = await failure { () async throws(IPCError) in
            try await near.descriptorMessages.send(
                SocketMessage(payload: [], descriptors: [tracer.writing, tracer.writing]))
        }
        #expect(twice?.code == .invalidArgument)
        let many = try (0..<254).map { _ in try tracer.copy() }
        let tooMany = await failure { () async throws(IPCError) in
            try await near.descriptorMessages.send(SocketMessage(payload: [], descriptors: many))
        }
        #expect(tooMany?.code == .invalidArgument)
        #expect(tracer.writing.borrowedNumber != nil)
        try await near.descriptorMessages.send(SocketMessage(payload: [], descriptors: [tracer.writing]))
        #expect(try await far.descriptorMessages.receive()?.descriptors.count == 1)
    }

    @Test func peerThatTakesNoneSaysSo() async throws {
        let (near, far) = try SocketChannel.makePair()
        defer { far.close() }
        let tracer = try Tracer()
        let error = await failure { () async throws(IPCError) in
            try await near.descriptorMessages.send(SocketMessage(payload: [1], descriptors: [tracer.writing]))
        }
        // Before Linux 6.16 the kernel does not know, and the peer drops them.
        if let error {
            #expect(error.code == .permissionDenied)
            #expect(tracer.writing.borrowedNumber != nil)
        }
    }

    @Test func moreThanTheReceiverTakesEndsTheConnection() async throws {
        let (near, far) = try SocketChannel.makePair(options: SocketOptions(maximumDescriptors: 2))
        let tracer = try Tracer()
        try await near.send([1])
        try await near.descriptorMessages.send(
            SocketMessage(payload: [2], descriptors: [try tracer.copy(), try tracer.copy(), try tracer.copy()]))
        #expect(try await far.descriptorMessages.receive()?.payload == [1])
        let error = await failure { () async throws(IPCError) in try await far.descriptorMessages.receive() }
        #expect(error?.code == .protocolViolation)
        _ = tracer.writing.take().map(closeDescriptor)
        #expect(try await tracer.ends())
        #expect(await failure { () async throws(IPCError) in try await near.send([3]) }?.code == .peerClosed)
    }
}
