import IPCPipes
import IPCProcess
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct TransferTests {
    @Test func whatWasReadGoesAlong() async throws {
        let (reader, writer) = try AnonymousPipe.make()
        let messages = (0..<50).map { pattern($0 * 7, seed: $0) }
        for message in messages { try await writer.send(message) }
        #expect(try await reader.receive() == messages[0])
        // Others have left the kernel with it.
        #expect(try reader.bytesAvailable < messages.dropFirst().reduce(0) { $0 + 16 + $1.count })
        let moved = try PipeReader.receive(try reader.transfer())
        for message in messages.dropFirst() { #expect(try await moved.receive() == message) }
        try await writer.send([7])
        #expect(try await moved.receive() == [7])
        try await writer.finish()
        let again = try PipeReader.receive(try moved.transfer())
        #expect(try await again.receive() == nil)
        let ended = try PipeReader.receive(try again.transfer())
        #expect(try await ended.receive() == nil)
        #expect(await code { _ = try await reader.receive() } == .closed)
        #expect(await code { _ = try reader.transfer() } == .closed)
    }

    @Test func cutAnywhere() async throws {
        let messages = [pattern(5), pattern(100_000), []]
        let bytes = hello() + messages.flatMap { frame($0) } + frame([], kind: 2)
        for place in [0, 1, 15, 16, 17, 31, 32, 36, 37, 38, 53, 54, 5000, 60_000] {
            var (reader, raw) = try makeRawWriterPipe(PipeOptions(maximumMessageSize: 200_000))
            try await raw.write(Array(bytes[..<place]))
            var received: [[UInt8]] = []
            while case .message(let message) = try reader.tryReceive() { received.append(message) }
            reader = try PipeReader.receive(try reader.transfer())
            #expect(reader.guarantees.maximumMessageSize == 200_000)
            let writing = Task {
                try await raw.write(Array(bytes[place...]))
                raw.close()
            }
            while let message = try await reader.receive() { received.append(message) }
            #expect(received == messages, "cut at \(place)")
            try await writing.value
        }
    }

    @Test func writersGoOnWhereTheyWere() async throws {
        let (reader, writer) = try AnonymousPipe.make()
        let fresh = try PipeWriter.receive(try writer.transfer())
        try await fresh.send([1])
        let later = try PipeWriter.receive(try fresh.transfer())
        try await later.send([2])
        try await later.finish()
        #expect(try await reader.receive() == [1])
        #expect(try await reader.receive() == [2])
        #expect(try await reader.receive() == nil)
        #expect(await code { _ = try later.transfer() } == .finished)
        #expect(await code { try await writer.send([3]) } == .closed)
    }

    @Test func endsInUseStay() async throws {
        let (near, far) = try PipeChannel.makePair()
        // It waits when this comes back.
        let waiting = Task.immediate { try await near.receive() }
        #expect(await code { _ = try near.transfer() } == .invalidArgument)
        try await far.send([1])
        #expect(try await waiting.value == [1])
        // The rest of a message is on its way.
        #expect(try near.trySend(pattern(500_000)))
        #expect(await code { _ = try near.transfer() } == .invalidArgument)
        #expect(try await far.receive() == pattern(500_000))
        try await far.send([2])
        #expect(try await near.receive() == [2], "the refused transfer has left the channel as it was")
        while await code({ try await near.send([3], until: .now) }) != nil { await Task.yield() }
        let moved = try PipeChannel.receive(try near.transfer())
        try await far.send([4])
        #expect(try await moved.receive() == [4])
        #expect(try await far.receive() == [3])
    }

    @Test func channelGoesToAnotherProcess() async throws {
        let (near, far) = try PipeChannel.makePair()
        let messages = (0..<20).map { pattern($0 * 1000, seed: $0) }
        for message in messages.prefix(5) { try await near.send(message) }
        // Some of it has been read here, and goes along.
        #expect(try await far.receive() == messages[0])
        let child = try await ChildProcess.spawn(.path(helperPath), arguments: ["pipe-echo"], transferring: [far])
        async let sent: Void = {
            for message in messages.dropFirst(5) { try await near.send(message) }
            try await near.finish()
        }()
        for message in messages.dropFirst() { #expect(try await near.receive() == message) }
        try await sent
        #expect(try await near.receive() == nil)
        #expect(try await child.exitStatus().isSuccess)
    }

    @Test func serversGoAlongAsServers() async throws {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            let options = PipeOptions(framing: .messagesFromManyWriters)
            let reader = try PipeReader.receive(try pipe.openReader(options: options, endOfInput: .never).transfer())
            #expect(reader.guarantees.topology == .queue)
            let writer = try await pipe.openWriter(options: options)
            try await writer.send([1])
            #expect(try await reader.receive() == [1])
            // One that has had no writer yet does not mistake that for the end.
            let second = try NamedPipe(folder + "/second", .create)
            let waiting = try PipeReader.receive(try second.openReader().transfer())
            #expect(try waiting.tryReceive() == .empty)
        }
    }

    @Test func statesOfSomethingElseAreRefused() async throws {
        let (reader, writer) = try AnonymousPipe.make()
        try await writer.send(pattern(100))
        try await writer.send(pattern(100))
        #expect(try await reader.receive() != nil)
        let state = try reader.transfer().state
        var random = SystemRandomNumberGenerator()
        for round in 0..<2000 {
            var changed = state
            switch round % 3 {
            case 0: changed = Array(state.prefix(.random(in: 1..<state.count, using: &random)))
            case 1: changed[.random(in: 0..<41, using: &random)] = .random(in: 0...255, using: &random)
            default:
                changed = (0..<Int.random(in: 1..<80, using: &random)).map { _ in .random(in: 0...255, using: &random) }
            }
            let other = try await attempt(changed)
            // Whatever came of it, the descriptor is closed by now.
            #expect(try await eventualCode { _ = try other.trySend([1]) } == .peerClosed)
        }
        for text in [[], [0], [255], [1, 0], [1, 0, 0], [16] + state] as [[UInt8]] {
            let ends = try DescriptorCalls.makePipe()
            let both = [ends.reading, ends.writing].map { PassedDescriptor(owning: $0) }
            let given = TransferredDescriptors(descriptors: both, state: text)
            #expect(await code { _ = try PipeChannel.receive(given) } == .decodingFailed)
            #expect(await code { _ = try PipeReader.receive(given) } == .decodingFailed)
        }
    }

    /// Makes a reader of a state that may be anything. Returns the other end of its pipe.
    private func attempt(_ state: [UInt8]) async throws -> PipeWriter {
        let ends = try DescriptorCalls.makePipe()
        let other = try PipeWriter(adopting: PassedDescriptor(owning: ends.writing))
        let given = TransferredDescriptors(descriptors: [PassedDescriptor(owning: ends.reading)], state: state)
        // Either the state is refused, or it is one that could have been; what it delivers is then as good as any.
        do throws(IPCError) {
            _ = try await PipeReader.receive(given).receive(until: .now)
        } catch {
            let expected: Set<IPCError.Code> = [
                .decodingFailed, .invalidArgument, .peerClosed, .truncated, .wrongMagic, .wrongVersion,
                .messageTooLarge, .protocolViolation, .timedOut,
            ]
            #expect(expected.contains(error.code), "\(error)")
        }
        return other
    }

    @Test func wrongDescriptorsAreRefused() async throws {
        let (reader, writer) = try AnonymousPipe.make()
        let (incoming, outgoing) = (try reader.transfer(), try writer.transfer())
        let crossed = TransferredDescriptors(descriptors: outgoing.descriptors, state: incoming.state)
        #expect(await code { _ = try PipeReader.receive(crossed) } == .invalidArgument)
        let swapped = TransferredDescriptors(descriptors: incoming.descriptors, state: outgoing.state)
        #expect(await code { _ = try PipeWriter.receive(swapped) } == .invalidArgument)
        #expect(await code { _ = try PipeReader.receive(incoming) } == .invalidArgument, "it was taken")
        let none = TransferredDescriptors(descriptors: [], state: incoming.state)
        #expect(await code { _ = try PipeReader.receive(none) } != nil)
    }
}
