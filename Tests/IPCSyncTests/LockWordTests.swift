import IPCParticipants
import IPCSync
import Testing

@Suite struct LockLayoutTests {
    @Test func sleepersBitIsInTheFutex() {
        #expect(LockLayout.sleepersBit <= UInt64(UInt32.max))
        #expect(OwnerWord(rawValue: LockLayout.sleepersBit).isFree)
        #expect(LockLayout.poisoned + 8 == LockLayout.byteCount)
    }
}
