/// What a row has to reach, and which of its figures says so.
struct Target {
    /// The figure that is compared.
    enum Measure {
        /// Our median time ÷ the baseline's.
        case p50
        /// Our 99th percentile ÷ the baseline's.
        case p99
        /// Our throughput ÷ the baseline's.
        case throughput
        /// Our mean time for an operation ÷ the baseline's: throughput turned round.
        case meanTime
        /// The row's own figure: allocations for each message, bytes, nanoseconds.
        case figure
        /// The mean-time ratio ÷ that of the row named.
        case growth(since: String)
        /// The median time ÷ that of the row named.
        case medianGrowth(since: String)
    }

    /// One bound, all of which must hold.
    struct Bound {
        var measure: Measure
        var limit: Double
        /// Whether `limit` is the most that is allowed, else the least.
        var isUpper: Bool

        func isMet(by value: Double) -> Bool { isUpper ? value <= limit : value >= limit }
    }

    var bounds: [Bound]

    static func atMost(_ limit: Double, _ measure: Measure) -> Target {
        Target(bounds: [Bound(measure: measure, limit: limit, isUpper: true)])
    }

    static func atLeast(_ limit: Double, _ measure: Measure) -> Target {
        Target(bounds: [Bound(measure: measure, limit: limit, isUpper: false)])
    }

    /// For rows that are shown without a demand.
    static let none = Target(bounds: [])

    /// Both targets.
    func and(_ other: Target) -> Target { Target(bounds: bounds + other.bounds) }
}

extension Target {
    /// How a result compares: the text of the targets, and whether all are met; nil where there is nothing to judge.
    func verdict(on result: RowResult, earlier: [String: RowResult]) -> (text: String, isMet: Bool?) {
        var texts: [String] = []
        var met: Bool? = bounds.isEmpty ? nil : true
        for bound in bounds {
            let sign = bound.isUpper ? "≤" : "≥"
            texts.append("\(bound.measure.label) \(sign) \(Number.short(bound.limit))")
            guard let value = bound.measure.value(in: result, earlier: earlier) else {
                met = met == false ? false : nil
                continue
            }
            if !bound.isMet(by: value) { met = false }
        }
        return (texts.joined(separator: ", "), met)
    }
}

extension Target.Measure {
    /// How the table names it.
    fileprivate var label: String {
        switch self {
        case .p50: "p50"
        case .p99: "p99"
        case .throughput: "rate"
        case .meanTime: "time"
        case .figure: "figure"
        case .growth, .medianGrowth: "growth"
        }
    }

    /// The compared value, nil if the result has none.
    fileprivate func value(in result: RowResult, earlier: [String: RowResult]) -> Double? {
        switch self {
        case .p50: return result.ratioP50
        case .p99: return result.ratioP99
        case .throughput: return result.ratioThroughput
        case .meanTime: return result.ratioThroughput.map { 1 / $0 }
        case .figure: return result.figure
        case .medianGrowth(let since):
            guard let first = earlier[since]?.p50, let own = result.p50 else { return nil }
            return own / first
        case .growth(let since):
            guard let first = earlier[since]?.ratioThroughput, let own = result.ratioThroughput else { return nil }
            return first / own
        }
    }
}
