import Glibc
import IPCProcess
import IPCSync
import IPCSystem

let takeScenarios: [String: Scenario] = ["sync-take-region": takeRegion]

/// `sync-take-region [stop]`: takes part in the region that this process was started with, and says how that went. With `stop` it
/// is stopped in the middle of it, and says so before.
private func takeRegion(_ arguments: [String]) async throws -> Int32 {
    if arguments.first == "stop" {
        KillPoints.arm("participants-attach-token", passage: 1) {
            say("comes")
            kill(getpid(), SIGSTOP)
            // The signal may stop this thread a moment later than others.
            while true { pause() }
        }
    }
    do throws(IPCError) {
        _ = try InheritedEndpoints.take(0, as: SyncRegion.self)
        say("took part")
    } catch {
        say("\(error.code)")
    }
    return 0
}
