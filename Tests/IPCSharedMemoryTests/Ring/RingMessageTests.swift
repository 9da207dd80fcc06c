import IPCSharedMemory
import TestSupport
import Testing

/// Messages through a ring in one process: places, sizes, forms.
@Suite(.watched) struct RingMessageTests {
    private func message(_ count: Int, _ seed: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ seed) }
    }

    @Test(arguments: [RingTrust.trusted, .untrusted])
    func everySizeAtEveryPlaceOfTheRing(_ trust: RingTrust) async throws {
        let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096, trust: trust))
        // Cache lines are what places differ by; sizes that share no factor with the ring visit all of them.
        var seed = 0
        for size in [57, 64, 65, 200, 1000, 2048, 4000, 4096] {
            for _ in 0..<70 {
                seed += 1
                let sent = message(size, seed)
                try await near.send(byteCount: size) { span in
                    for byte in sent { span.append(byte) }
                }
                let received = try await far.receive { [UInt8]($0) }
                #expect(received == sent)
            }
        }
    }

    @Test func smallMessagesTakeNoData() throws {
        let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096))
        for round in 0..<300 {
            let isSent = try near.trySend(message(round % 57, round))
            #expect(isSent)
            #expect(try far.tryReceive() == .message(message(round % 57, round)))
        }
        #expect(near.sender.sentDataByteCount == 0)
    }

    @Test func aFullRingSaysNoAndHasAllItsRoomAgainAfterwards() throws {
        let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096))
        for _ in 0..<5 {
            var count = 0
            while try near.trySend(message(448, count)) { count += 1 }
            #expect(count == 9)  // 4096 bytes, 448 each: seven cache lines
            for index in 0..<count {
                #expect(try far.tryReceive() == .message(message(448, index)))
            }
            #expect(try far.tryReceive() == .empty)
            var slots = 0
            while try near.trySend([1]) { slots += 1 }
            #expect(slots == 64)
            while case .message = try far.tryReceive() { slots -= 1 }
            #expect(slots == 0)
        }
    }

    @Test func aReceiverWithMoreToReadGivesRoomBackInEighths() throws {
        let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096))
        for _ in 0..<64 { #expect(try near.trySend(message(64, 0))) }
        for _ in 0..<3 {
            for _ in 0..<7 { #expect(try far.tryReceive() == .message(message(64, 0))) }
            #expect(try near.trySend([]) == false)
            #expect(try far.tryReceive() == .message(message(64, 0)))
            for _ in 0..<8 { #expect(try near.trySend(message(64, 0))) }
            #expect(try near.trySend([]) == false)
        }
    }

    @Test func aRingWithNothingToReadHasAllItsRoom() throws {
        let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096))
        for round in 0..<200 {
            let few = round % 9
            for index in 0..<few { #expect(try near.trySend(message(index * 20, round))) }
            for index in 0..<few { #expect(try far.tryReceive() == .message(message(index * 20, round))) }
            // Nobody has looked in vain since.
            let size = round % 2 == 0 ? 2048 : 4096
            #expect(try near.trySend(message(size, round)))
            #expect(try far.tryReceive() == .message(message(size, round)))
        }
    }

    @Test(arguments: [RingTrust.trusted, .untrusted])
    func messagesLargerThanTheRingComeWhole(_ trust: RingTrust) async throws {
        let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096, trust: trust))
        let sizes = [2049, 4097, 8191, 60_000]
        let sending = Task {
            for size in sizes {
                try await near.send(message(size, size))
                try await near.send(byteCount: size) { span in
                    for byte in message(size, size + 1) { span.append(byte) }
                }
            }
            try await near.finish()
        }
        for size in sizes {
            let first = try await far.receive()
            #expect(first == message(size, size))
            let second = try await far.receive { [UInt8]($0) }
            #expect(second == message(size, size + 1))
        }
        let end = try await far.receive()
        #expect(end == nil)
        try await sending.value
    }

    @Test func aMessageInFragmentsThatIsGivenUpLeavesNothing() async throws {
        let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096))
        for round in 0..<20 {
            let error = await #expect(throws: IPCError.self) {
                try await near.send(message(20_000, round), until: .after(.milliseconds(2)))
            }
            #expect(error?.code == .timedOut)
            // One slot and some room are left even so.
            try await near.send(message(40, round), until: .after(.seconds(60)))
            let received = try await far.receive(until: .after(.seconds(60)))
            #expect(received == message(40, round))
        }
    }

    @Test func whatIsLeftUnfilledIsNotSent() async throws {
        let (near, far) = try RingChannel.makePair()
        for (room, filled) in [(56, 0), (56, 3), (1000, 40), (1000, 999), (500_000, 10), (500_000, 400_000)] {
            async let received = far.receive()
            try await near.send(byteCount: room) { span in
                for index in 0..<filled { span.append(UInt8(truncatingIfNeeded: index)) }
            }
            let count = try await received?.count
            #expect(count == filled)
        }
    }

    @Test func aReceiverThatStoppedHearsOfBatches() async throws {
        let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096, spin: .never))
        let receiving = Task { () throws -> Int in
            var found = 0
            while let count = try await far.receive(upTo: 7, until: .after(.seconds(60)), into: { _ in }) {
                found += count
            }
            return found
        }
        for _ in 0..<10 { try await near.send(contentsOf: (0..<200).map { message($0, 0) }) }
        try await near.finish()
        let found = try await receiving.value
        #expect(found == 2_000)
    }
}
