/// Numbers as text, without Foundation.
enum Number {
    /// `value` with `digits` digits behind the point.
    static func fixed(_ value: Double, digits: Int) -> String {
        guard value.isFinite else { return "-" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (value.magnitude * scale).rounded()
        guard scaled < 9e18 else { return "\(value)" }
        let whole = UInt64(scaled)
        let sign = value < 0 && whole > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let fraction = String(whole % UInt64(scale))
        let zeros = String(repeating: "0", count: digits - fraction.count)
        return "\(sign)\(whole / UInt64(scale)).\(zeros)\(fraction)"
    }

    /// `value` without zeros at its end.
    static func short(_ value: Double) -> String {
        var text = fixed(value, digits: 2)
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }

    /// A small number to four digits behind the point, a large one to none.
    static func figure(_ value: Double) -> String {
        value < 10 ? fixed(value, digits: 4) : fixed(value, digits: 0)
    }

    /// `nanoseconds` in the unit that suits it.
    static func time(_ nanoseconds: Double) -> String {
        switch nanoseconds {
        case ..<1_000: fixed(nanoseconds, digits: 0) + " ns"
        case ..<1_000_000: fixed(nanoseconds / 1_000, digits: 2) + " µs"
        default: fixed(nanoseconds / 1_000_000, digits: 2) + " ms"
        }
    }

    /// A number for each second.
    static func rate(_ value: Double) -> String {
        switch value {
        case ..<10_000: fixed(value, digits: 0) + "/s"
        case ..<1_000_000: fixed(value / 1_000, digits: 1) + " k/s"
        default: fixed(value / 1_000_000, digits: 2) + " M/s"
        }
    }
}
