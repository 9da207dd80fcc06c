import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct RetryTests {
    @Test func interruptedCallIsMadeAgain() throws {
        var results = [-Errno.interrupted, -Errno.interrupted, 7]
        #expect(try retrying(.read) { results.removeFirst() } == 7)
        #expect(results.isEmpty)
    }

    @Test func wouldBlockIsAValue() throws {
        #expect(try retryingUnlessBlocked(.read) { -Errno.wouldBlock } == nil)
    }

    @Test func hardErrorNamesTheCall() {
        #expect(throws: SystemCallError(.write, Errno.brokenPipe)) {
            try retrying(.write) { -Errno.brokenPipe }
        }
    }
}
