import IPCProcess
import Testing

/// `tabs`: one of several crashes and is opened again; the others stay.
@Suite(.inTurn) struct TabsTests {
    @Test func crashedTabIsReplaced() async throws {
        for count in [2, 5] {
            let lines = try await Example.command("tabs", ["\(count)"]).output().checked().lines
            #expect(lines.prefix(count) == (1...count).map { "tab \($0) shows page \($0)" }[...])
            #expect(
                Array(lines.dropFirst(count)) == [
                    "tab 2 was ended by SIGUSR1 (10)", "tab 2 is back and shows page 2",
                    "\(count) tabs are open, \(count - 1) of them all the time",
                ], "\(lines)")
        }
    }

    @Test func wrongArgumentsAreUsageErrors() async throws {
        for wrong in [["x"], ["1"], ["3", "4"]] {
            #expect(try await Example.command("tabs", wrong).output().status == .exited(64), "\(wrong)")
        }
    }
}
