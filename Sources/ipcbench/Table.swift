/// The results as a table, a line as soon as each is known.
struct Table {
    private static let headings = [
        "row", "p50", "p99", "rate", "GiB/s", "figure", "p50 ÷", "rate ÷", "target", "", "baseline",
    ]
    private let widths: [Int]

    /// A table with room for the names of `rows`.
    init(rows: [Row]) {
        let longest = rows.map(\.name.count).max() ?? 0
        widths = [max(longest, 12), 10, 10, 11, 7, 10, 7, 7, 24, 6, 0]
    }

    var heading: String { line(Self.headings) }

    func line(for result: RowResult, earlier: [String: RowResult]) -> String {
        let verdict = result.row.target.verdict(on: result, earlier: earlier)
        let judged = verdict.isMet.map { $0 ? "met" : "MISSED" }
        return line([
            result.row.name,
            result.p50.map(Number.time) ?? "-",
            result.p99.map(Number.time) ?? "-",
            result.rate.map(Number.rate) ?? "-",
            result.gibPerSecond.map { Number.fixed($0, digits: 2) } ?? "-",
            result.figure.map(Number.figure) ?? "-",
            result.ratioP50.map { Number.fixed($0, digits: 2) } ?? "-",
            result.ratioThroughput.map { Number.fixed($0, digits: 2) } ?? "-",
            verdict.text.isEmpty ? "-" : verdict.text,
            judged ?? "-",
            result.row.baseline + (result.theirFigure.map { "; C epoll: " + Number.figure($0) } ?? ""),
        ])
    }

    func line(for row: Row, failure: BenchmarkFailure) -> String {
        line([row.name, "FAILED: \(failure)"])
    }

    private func line(_ cells: [String]) -> String {
        let padded = zip(cells, widths).map { cell, width in
            cell + String(repeating: " ", count: max(0, width - cell.count))
        }
        var text = padded.joined(separator: "  ")
        while text.last == " " { text.removeLast() }
        return text
    }
}
