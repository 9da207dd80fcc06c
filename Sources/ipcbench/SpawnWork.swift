import CBaselines
import IPCProcess

/// Programs that are started, read to their end and collected, one after the other.
struct SpawnWork {
    /// As the baseline.
    private static let program: Executable = "/bin/true"

    let assignment: ProcessAssignment

    /// Starts programs until the time is over.
    func perform() async -> cbase_report {
        let window = TimeWindow(warmUp: 1, nanoseconds: assignment.nanoseconds)
        var log = TimeLog(window)
        do {
            while log.goesOn {
                log.start()
                guard try await runOnce() else {
                    log.note("a child wrote something or failed")
                    continue
                }
                log.end()
            }
        } catch {
            log.note("\(error)")
        }
        return TimeLog.report(of: [log], in: window)
    }

    /// Whether one child wrote nothing and ended with status 0.
    private func runOnce() async throws(IPCError) -> Bool {
        let child = try await ChildProcess.spawn(
            Self.program, options: ChildProcess.Options(standardInput: .inherit, standardOutput: .pipe))
        let output = try child.standardOutput
        let isSilent = try await output.readToEnd(limit: 4_096).isEmpty
        output.close()
        return try await child.exitStatus().isSuccess && isSilent
    }
}
