/// One line of the table: a piece of work, done by us and by the baseline in turn.
struct Row {
    /// The full name, the pinning included.
    var name: String
    var pinning: Pinning
    var ours: Job
    /// The same work in C; nil where the figure speaks for itself.
    var theirs: Job?
    /// What the baseline is, in words.
    var baseline: String
    var target: Target
    /// What the figure of a row without a time is divided by, as `baseline` says.
    var reference: Double?
    /// The most rounds that this row needs, however many are asked for.
    var roundLimit = Int.max
    /// Seconds of one measurement unless they are given on the command line.
    var ownSeconds: Double?

    /// Bytes of one message.
    var bytes: Int { ours.bytes }
}

/// What one round gave: ours, then the baseline's.
struct Round {
    var ours: Outcome
    var theirs: Outcome?
}

/// The medians of a row over its rounds; nil where the work has no such figure.
struct RowResult {
    var row: Row
    var p50: Double?
    var p99: Double?
    var rate: Double?
    var figure: Double?
    var theirFigure: Double?
    var ratioP50: Double?
    var ratioP99: Double?
    var ratioThroughput: Double?

    /// Payload, one way, in GiB for each second.
    var gibPerSecond: Double? {
        guard row.bytes > 0, let rate else { return nil }
        return rate * Double(row.bytes) / Double(1 << 30)
    }

    /// The figure ÷ the row's reference.
    var figureRatio: Double? { ratio(figure, row.reference) }

    /// The medians of the figures and of the ratios that each round gave.
    init(row: Row, rounds: [Round]) {
        self.row = row
        p50 = median(rounds.compactMap(\.ours.p50))
        p99 = median(rounds.compactMap(\.ours.p99))
        rate = median(rounds.compactMap(\.ours.rate))
        figure = median(rounds.compactMap(\.ours.figure))
        theirFigure = median(rounds.compactMap(\.theirs?.figure))
        ratioP50 = median(rounds.compactMap { ratio($0.ours.p50, $0.theirs?.p50) })
        ratioP99 = median(rounds.compactMap { ratio($0.ours.p99, $0.theirs?.p99) })
        ratioThroughput = median(rounds.compactMap { ratio($0.ours.rate, $0.theirs?.rate) })
    }
}

/// The middle value, or the mean of the two in the middle; nil of nothing.
func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

private func ratio(_ ours: Double?, _ theirs: Double?) -> Double? {
    guard let ours, let theirs, theirs > 0 else { return nil }
    return ours / theirs
}
