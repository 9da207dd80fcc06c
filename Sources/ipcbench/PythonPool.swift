import CBaselines
import IPCProcess

/// The same tasks that do nothing, through what a user of Python would take: `multiprocessing.Pool`, one task in a message.
struct PythonPool {
    /// Prints how many results came, and in how many nanoseconds, after a hundred to warm up.
    private static let script = """
        import itertools, multiprocessing, sys, time

        def noop(number):
            return number

        duration = int(sys.argv[1])
        with multiprocessing.get_context("fork").Pool(int(sys.argv[2])) as pool:
            results = pool.imap(noop, itertools.count(), chunksize=1)
            for expected in range(100):
                assert next(results) == expected
            count, start = 0, time.monotonic_ns()
            now = start
            while now < start + duration:
                assert next(results) == 100 + count
                count += 1
                now = time.monotonic_ns()
            print(count, now - start)
            pool.terminate()
        """

    let assignment: ProcessAssignment

    func perform() async -> cbase_report {
        var report = cbase_report()
        do {
            let output = try await Command(
                "python3", "-c", Self.script, "\(assignment.nanoseconds)", "\(assignment.job.channels)"
            ).output().checked()
            let numbers = output.text.split(whereSeparator: \.isWhitespace).compactMap { UInt64($0) }
            guard numbers.count == 2, numbers[0] > 0 else {
                unsafe cbase_report_fail(&report, "Python did not say how much it did", 0)
                return report
            }
            report.sent = numbers[0]
            report.received = numbers[0]
            report.measured = numbers[0]
            report.started_ns = 1
            report.ended_ns = 1 + numbers[1]
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        return report
    }
}
