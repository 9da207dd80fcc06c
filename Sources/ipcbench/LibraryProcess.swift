import CBaselines

struct LibraryProcess {
    let assignment: ProcessAssignment
    let descriptors: [Int32]
    let control: Int32

    func run() -> Never {
        var report = cbase_report()
        do {
            let baseline = BaselineProcess(assignment: assignment, descriptors: descriptors)
            let listener = try baseline.listen()
            _ = try checked("control", cbase_control_ready(control))
            baseline.work(listener: listener, report: &report)
        } catch {
            unsafe cbase_report_fail(&report, error.description, 0)
        }
        MeasuringProcess.send(report, over: control)
        cbase_exit(0)
    }
}
