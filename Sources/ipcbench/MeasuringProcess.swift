import CBaselines

/// The life of a process that measures: take the descriptors, say ready, work, report.
struct MeasuringProcess {
    private let assignment: ProcessAssignment
    private let control = Int32(cbase_control_descriptor)

    init(_ assignment: ProcessAssignment) {
        self.assignment = assignment
    }

    /// Does what is assigned and ends the process.
    func run() -> Never {
        var report = cbase_report()
        do {
            let descriptors = try prepare()
            switch assignment.job.by {
            case .c:
                let baseline = BaselineProcess(assignment: assignment, descriptors: descriptors)
                let listener = try baseline.listen()
                _ = try checked("control", cbase_control_ready(control))
                baseline.work(listener: listener, report: &report)
            case .library:
                // No task has run yet: the library's part starts its own threads, on the processors that were set.
                LibraryProcess(assignment: assignment, descriptors: descriptors, control: control).run()
            }
        } catch {
            unsafe cbase_report_fail(&report, error.description, 0)
        }
        end(report)
    }

    /// Sends the report and ends the process.
    private func end(_ report: cbase_report) -> Never {
        Self.send(report, over: control)
        cbase_exit(0)
    }

    static func send(_ report: cbase_report, over control: Int32) {
        var report = report
        if unsafe cbase_control_report(control, &report) < 0 { cbase_exit(1) }
    }

    private func prepare() throws(BenchmarkFailure) -> [Int32] {
        _ = try checked("the comparing process", cbase_end_with_parent(assignment.parent))
        if assignment.job.by == .library, assignment.pinning == .cross { LibraryProcess.seeProcessors() }
        if let processor = assignment.pinning.processor(for: assignment.side) {
            _ = try checked("pinning to processor \(processor)", cbase_pin(Int32(processor)))
        }
        _ = try checked("raising the limit of descriptors", cbase_raise_descriptor_limit())
        var descriptors = [Int32](repeating: -1, count: assignment.descriptorCount)
        _ = try checked(
            "taking descriptors", unsafe cbase_control_take(control, &descriptors, descriptors.count))
        return descriptors
    }
}
