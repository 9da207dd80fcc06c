/// A result as one JSON object on one line.
enum JSONLine {
    /// Exactly the keys that readers rely on; what a row does not have is null.
    static func text(for result: RowResult) -> String {
        let row = result.row
        let members = [
            ("name", quoted(row.name)),
            ("bytes", String(row.bytes)),
            ("pinning", quoted(row.pinning.rawValue)),
            ("p50_ns", number(result.p50, digits: 0)),
            ("p99_ns", number(result.p99, digits: 0)),
            ("messages_per_s", number(result.rate, digits: 1)),
            ("gib_per_s", number(result.gibPerSecond, digits: 4)),
            ("baseline", quoted(row.baseline)),
            ("ratio_p50", number(result.ratioP50 ?? result.figureRatio, digits: 4)),
            ("ratio_throughput", number(result.ratioThroughput, digits: 4)),
        ]
        return "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }

    private static func number(_ value: Double?, digits: Int) -> String {
        guard let value, value.isFinite else { return "null" }
        return Number.fixed(value, digits: digits)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\u{0}"..."\u{1f}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
