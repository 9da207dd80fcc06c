import IPCSync
import TestSupport
import Testing

/// Words that make a change true in one step.
@Suite(.watched) struct CommitTests {
    @Test func wordsAreStoredWhereTheyBelong() async throws {
        let lock = try await ProcessLock(byteCount: 32)
        try await lock.withLock { bytes in
            bytes.commit(UInt64(0x0102_0304_0506_0708), at: 8)
            bytes.commit(UInt32(0x0a0b_0c0d), at: 28)
        }
        let found = try await lock.withLock { bytes in
            (0..<32).map { unsafe bytes.bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        }
        #expect(found[0..<8].allSatisfy { $0 == 0 } && found[16..<28].allSatisfy { $0 == 0 })
        #expect(Array(found[8..<16]) == [8, 7, 6, 5, 4, 3, 2, 1])
        #expect(Array(found[28..<32]) == [0x0d, 0x0c, 0x0b, 0x0a])
    }
}
