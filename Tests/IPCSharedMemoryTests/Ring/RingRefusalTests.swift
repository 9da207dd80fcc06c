import IPCProcess
import IPCSharedMemory
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Memory and words of a peer that must not be accepted.
@Suite(.watched) struct RingRefusalTests {
    private func refusal(_ parts: TransferredDescriptors) -> IPCError.Code? {
        do throws(IPCError) {
            _ = try RingChannel.receive(parts)
            return nil
        } catch {
            return error.code
        }
    }

    private func replacingMemory(_ make: (Int) throws -> OwnedDescriptor) throws -> TransferredDescriptors {
        let (_, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096))
        var parts = try far.transfer()
        let number = parts.descriptors[0].borrowedNumber ?? -1
        let size = Int(try FileCalls.status(of: number).size)
        let copy = try make(size)
        // The same contents: only the file is another one.
        let (from, to) = (
            try MappedMemory(number, byteCount: 4096), try MappedMemory(copy.number, byteCount: 4096)
        )
        for offset in stride(from: 0, to: 64, by: 8) {
            to.bytes.word64(offset).storeRelaxed(from.bytes.word64(offset).loadRelaxed())
        }
        parts.descriptors[0] = PassedDescriptor(owning: copy.release())
        return parts
    }

    @Test func memoryWhoseSizeCouldChangeIsRefused() throws {
        let sealed = try replacingMemory { size in
            let file = try MemoryCalls.makeFile("test")
            try MemoryCalls.allocate(file.number, size: size)
            try MemoryCalls.seal(file.number, .size)
            return file
        }
        #expect(refusal(sealed) == nil)
        for seals in [[], [.shrinking], [.shrinking, .growing], [.growing, .seals]] as [MemoryCalls.Seals] {
            let parts = try replacingMemory { size in
                let file = try MemoryCalls.makeFile("test")
                try MemoryCalls.allocate(file.number, size: size)
                if !seals.isEmpty { try MemoryCalls.seal(file.number, seals) }
                return file
            }
            #expect(refusal(parts) == .protocolViolation)
        }
        let unsealable = try replacingMemory { size in
            let file = try MemoryCalls.makeFile("test", isSealable: false)
            try FileCalls.truncate(file.number, to: size)
            return file
        }
        #expect(refusal(unsealable) == .protocolViolation)
    }

    @Test func memoryOfAnotherSizeIsRefused() throws {
        for difference in [-4096, 4096] {
            let parts = try replacingMemory { size in
                let file = try MemoryCalls.makeFile("test")
                try MemoryCalls.allocate(file.number, size: size + difference)
                try MemoryCalls.seal(file.number, .size)
                return file
            }
            #expect(refusal(parts) == .protocolViolation)
        }
    }

    @Test func anotherMagicVersionOrSizeIsRefused() throws {
        for (offset, code) in [(0, IPCError.Code.wrongMagic), (8, .wrongVersion), (16, .protocolViolation)] {
            let (_, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096))
            let parts = try far.transfer()
            let memory = try MappedMemory(parts.descriptors[0].borrowedNumber ?? -1, byteCount: 4096)
            memory.bytes.word64(offset).storeRelaxed(0x7777)
            #expect(refusal(parts) == code)
        }
    }

    @Test func aStateThatIsNoneIsRefused() throws {
        for change in [(0, UInt8(9)), (1, 2), (2, 4), (10, 1)] {
            let (_, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096))
            var parts = try far.transfer()
            parts.state[change.0] = change.1
            #expect(refusal(parts) == .decodingFailed)
        }
    }

    /// Each word of a slot that breaks the protocol, and what is said of it.
    struct Lie: Sendable, CustomStringConvertible {
        let description: String
        let length: UInt64
        let kind: UInt64
        let code: IPCError.Code

        init(_ description: String, _ length: UInt64, kind: UInt64, _ code: IPCError.Code) {
            self.description = description
            self.length = length
            self.kind = kind
            self.code = code
        }
    }

    static let lies = [
        Lie("more than fits into a slot", 57, kind: 1, .protocolViolation),
        Lie("more than the ring has", 4097, kind: 2, .protocolViolation),
        Lie("all bits", 0xFFFF_FFFF, kind: 2, .protocolViolation),
        Lie("above the limit", 1001, kind: 2, .messageTooLarge),
        Lie("a fragment of 2^60 bytes", 10, kind: 3, .messageTooLarge),
        Lie("nothing to abandon", 0, kind: 5, .protocolViolation),
        Lie("an unknown kind", 0, kind: 7, .protocolViolation),
        Lie("no kind", 0, kind: 0, .protocolViolation),
    ]

    /// Each word of a slot that breaks the protocol, and what is said of it.
    @Test(arguments: lies)
    func wordsThatLieEndTheRing(_ lie: Lie) async throws {
        let options = RingOptions(ringByteCount: 4096, maximumMessageSize: 1000, trust: .untrusted)
        let (near, far) = try RingChannel.makePair(options: options)
        let parts = try far.transfer()
        let number = parts.descriptors[0].borrowedNumber ?? -1
        let memory = try MappedMemory(number, byteCount: 8192 + 2 * 4096)
        let slots = 8192 + 4096  // of the direction in which side 1 sends
        memory.bytes.word64(slots + 8).storeRelaxed(1 << 60)
        memory.bytes.word64(slots).storeReleasing(lie.length | lie.kind << 32 | 1 << 36)
        for _ in 0..<2 {
            let error = await #expect(throws: IPCError.self) { try await near.receive(until: .after(.seconds(60))) }
            #expect(error?.code == lie.code)
        }
        let gone = await #expect(throws: IPCError.self) { try await near.send([1], until: .after(.seconds(60))) }
        #expect(gone?.code == .peerClosed)
    }

    @Test func aConsumerThatIsAheadOfItsProducerEndsTheRing() async throws {
        for (offset, value) in [(0, UInt64(3)), (8, 64), (0, 1 << 40), (8, 1 << 63)] {
            let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096, trust: .untrusted))
            let parts = try far.transfer()
            let memory = try MappedMemory(parts.descriptors[0].borrowedNumber ?? -1, byteCount: 8192)
            memory.bytes.word64(4096 + offset).storeReleasing(value)
            let error = await #expect(throws: IPCError.self) { try await near.send([1]) }
            #expect(error?.code == .protocolViolation)
        }
    }
}
