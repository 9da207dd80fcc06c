import CBaselines
import IPCCore

/// One process of the library's side of a ratio.
struct LibraryProcess: Sendable {
    let assignment: ProcessAssignment
    let descriptors: [Int32]
    let control: Int32

    /// Lets the library look at how many processors there are. Its threads start later, so they keep to the processor that
    /// the process is pinned to afterwards.
    static func seeProcessors() {
        _ = IPCExecutor.shared
    }

    /// Does the work in a task, on the executor that the job names, and ends the process.
    func run() -> Never {
        let preparation = prepare()
        if cbase_control_ready(control) < 0 { cbase_exit(1) }
        Task.detached {
            let report = await perform(preparation)
            end(report)
        }
        cbase_park()
    }

    private func perform(_ preparation: Result<LibraryWork, BenchmarkFailure>) async -> cbase_report {
        switch (preparation, assignment.job.executor) {
        case (.success(let work), .ipc): return await withIPCExecutor { await work.perform() }
        case (.success(let work), .standard): return await work.perform()
        case (.failure(let failure), _):
            var report = cbase_report()
            unsafe cbase_report_fail(&report, failure.description, 0)
            return report
        }
    }

    /// Makes the objects to work on before the process says that it is ready.
    private func prepare() -> Result<LibraryWork, BenchmarkFailure> {
        do throws(IPCError) {
            return .success(try LibraryWork(assignment: assignment, descriptors: descriptors))
        } catch {
            return .failure(BenchmarkFailure("\(error)"))
        }
    }

    private func end(_ report: cbase_report) {
        MeasuringProcess.send(report, over: control)
        cbase_exit(0)
    }
}
