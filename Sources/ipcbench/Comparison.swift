/// Runs rows: ours and the baseline in turn, round after round.
struct Comparison {
    /// Seconds of one measurement where neither the row nor the command line says.
    static let usualSeconds = 0.25

    let options: Options

    /// The medians of one row.
    func result(of row: Row) throws(BenchmarkFailure) -> RowResult {
        let seconds = options.seconds ?? row.ownSeconds ?? Self.usualSeconds
        var rounds: [Round] = []
        for _ in 0..<min(options.rounds, row.roundLimit) {
            let ours = try measure(row.ours, in: row, seconds: seconds)
            let theirs = try row.theirs.map { job throws(BenchmarkFailure) in
                try measure(job, in: row, seconds: seconds)
            }
            rounds.append(Round(ours: ours, theirs: theirs))
        }
        return RowResult(row: row, rounds: rounds)
    }

    private func measure(_ job: Job, in row: Row, seconds: Double) throws(BenchmarkFailure) -> Outcome {
        do {
            return try Measurement(job: job, pinning: row.pinning, seconds: seconds).run()
        } catch {
            throw BenchmarkFailure("\(job.by == .library ? "ours" : "baseline"): \(error)")
        }
    }

    /// Runs the rows that the filter lets through and prints each; returns how many failed.
    func run() -> Int {
        let rows = Catalogue.rows.filter { options.filter.matches($0.name) }
        let table = Table(rows: rows)
        if !options.isJSON { show(table.heading) }
        var known: [String: RowResult] = [:]
        var failures = 0
        for row in rows {
            do {
                let result = try self.result(of: row)
                known[row.name] = result
                show(options.isJSON ? JSONLine.text(for: result) : table.line(for: result, earlier: known))
            } catch {
                failures += 1
                if options.isJSON { say("\(row.name): \(error)") } else { show(table.line(for: row, failure: error)) }
            }
        }
        return failures
    }
}
