import IPCSharedMemory
import TestSupport
import Testing

/// Loans: lent, filled, sent, given up.
@Suite(.watched) struct RingLoanTests {
    @Test(arguments: [RingTrust.trusted, .untrusted])
    func whatWasFilledArrives(_ trust: RingTrust) async throws {
        let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 8192, trust: trust))
        for size in [0, 1, 8, 56, 57, 4096, 5000, 8192] {
            var loan = try await near.loan(byteCount: size)
            #expect(loan.byteCount == size)
            fill(&loan)
            try loan.send()
            let received = try await far.receive()
            #expect(received == (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ size) })
        }
    }

    private func fill(_ loan: inout RingLoan) {
        let size = loan.byteCount
        var bytes = loan.mutableBytes
        for index in 0..<size {
            bytes.storeBytes(of: UInt8(truncatingIfNeeded: index &+ size), toByteOffset: index, as: UInt8.self)
        }
    }

    @Test func aPartOfALoanMayBeSent() async throws {
        let (near, far) = try RingChannel.makePair()
        var loan = try await near.loan(byteCount: 1000)
        fill(&loan)
        try loan.send(byteCount: 10)
        let received = try await far.receive()
        #expect(received?.count == 10)
    }

    @Test(arguments: [RingTrust.trusted, .untrusted])
    func whatIsGivenUpOrDroppedIsNotSent(_ trust: RingTrust) async throws {
        let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096, trust: trust))
        for _ in 0..<200 {
            let given = try await near.loan(byteCount: 4096)
            given.abort()
            do {
                var dropped = try await near.loan(byteCount: 30)
                fill(&dropped)
            }
            try await near.send([7])
            #expect(try far.tryReceive() == .message([7]))
            #expect(try far.tryReceive() == .empty)
        }
    }

    @Test func whileALoanIsOutOthersWait() async throws {
        let (near, far) = try RingChannel.makePair()
        let loan = try await near.loan(byteCount: 3)
        let isSent = try near.trySend([1])
        #expect(!isSent)
        let error = await #expect(throws: IPCError.self) {
            try await near.send([1], until: .after(.milliseconds(20)))
        }
        #expect(error?.code == .timedOut)
        try loan.send()
        try await near.send([2])
        let first = try await far.receive()
        let second = try await far.receive()
        #expect(first?.count == 3)
        #expect(second == [2])
    }

    @Test func aLoanLargerThanTheRingIsRefused() async throws {
        let (near, _) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096))
        let error = await #expect(throws: IPCError.self) {
            let loan = try await near.loan(byteCount: 4097)
            loan.abort()
        }
        #expect(error?.code == .messageTooLarge)
    }

    @Test func aLoanOutlivesNeitherPeerNorChannel() async throws {
        let (near, far) = try RingChannel.makePair()
        let first = try await near.loan(byteCount: 100)
        far.close()
        #expect(failure(first) == .peerClosed)
        let (other, peer) = try RingChannel.makePair()
        let second = try await other.loan(byteCount: 100)
        other.close()
        #expect(failure(second) == .closed)
        withExtendedLifetime(peer) {}
    }

    private func failure(_ loan: consuming RingLoan) -> IPCError.Code? {
        do throws(IPCError) {
            try loan.send()
            return nil
        } catch {
            return error.code
        }
    }
}
