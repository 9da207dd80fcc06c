/// The lines of the table.
enum TourTable {
    private static let widths = [24, 8, 10, 10, 14, 12]

    static let header = """
        \(line(["mechanism", "checked", "rtt p50", "rtt p99", "one way", "death seen"]))
        \(line(["", "", "µs", "µs", "MiB/s", "µs"]))
        """

    static func row(_ mechanism: String, _ result: TourResult) -> String {
        let sorted = result.roundTrips.sorted()
        let rate = Double(result.byteCount) / 1_048_576 / seconds(result.streamTime)
        return line([
            mechanism, "\(result.messagesChecked)", microseconds(percentile(50, of: sorted)),
            microseconds(percentile(99, of: sorted)), result.byteCount == 0 ? "-" : decimal(rate),
            microseconds(result.deathNotice),
        ])
    }

    static func row(_ mechanism: String, failure: String) -> String {
        "\(padded(mechanism, widths[0]))  FAILED: \(failure)"
    }

    private static func line(_ cells: [String]) -> String {
        zip(cells, widths).enumerated()
            .map { index, cell in
                index == 0 ? padded(cell.0, cell.1) : String(padded(String(cell.0.reversed()), cell.1).reversed())
            }
            .joined()
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// The value that `percent` of the values do not exceed.
    private static func percentile(_ percent: Int, of sorted: [Duration]) -> Duration? {
        sorted.isEmpty ? nil : sorted[min(sorted.count - 1, sorted.count * percent / 100)]
    }

    private static func microseconds(_ duration: Duration?) -> String {
        duration.map { decimal(seconds($0) * 1_000_000) } ?? "-"
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }

    /// With one digit after the point.
    private static func decimal(_ value: Double) -> String {
        guard value.isFinite, value < 1e12 else { return "-" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
