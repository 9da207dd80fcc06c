import IPCMessageQueue
import IPCProcess
import IPCSystem
import TestSupport
import Testing

/// What an ordinary user is told at the limits of the system: root passes them.
@Suite(.watched, .enabled(if: ProcessFacts.effectiveUser == 0, "it takes root to become another user"))
struct LimitTests {
    private static let asNobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all"]

    @Test func limitsOfPOSIXQueuesAreNamed() async throws {
        // In a namespace of its own: it makes as many queues as there may be, and other tests need some meanwhile.
        let output = try await Command(
            .name("unshare"), arguments: ["--ipc", "setpriv"] + Self.asNobody + [helperPath, "queue-limits-posix"]
        ).output(until: soon)
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }

    @Test func limitsOfSystemVQueuesAreNamed() async throws {
        let probe = try await Command(
            .name("unshare"), arguments: ["--ipc", "sh", "-c", "echo 2 > /proc/sys/kernel/msgmni"]
        ).output(until: soon)
        try #require(
            probe.status.isSuccess, "no IPC namespace of its own can be made here, where msgmni could be lowered")
        let program =
            "echo 2 > /proc/sys/kernel/msgmni && exec setpriv \(Self.asNobody.joined(separator: " ")) \"$0\" \"$@\""
        let output = try await Command(
            .name("unshare"), arguments: ["--ipc", "sh", "-c", program, helperPath, "queue-limits-sysv"]
        ).output(until: soon)
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }
}
