import IPCTestKit
import Testing

@Suite struct KillPointTests {
    @Test func environmentNamesPointAndPassage() {
        #expect(KillPoint("after-write", passage: 3).environment == ["IPC_KILL_POINT": "after-write:3"])
        #expect(KillPoint("a:b").environment == ["IPC_KILL_POINT": "a:b:1"])
    }

    @Test func aProcessThatWasNotAskedGoesOn() {
        for _ in 0..<10 { KillPoint.pass("nobody-asked") }
    }
}
