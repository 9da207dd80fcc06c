import IPCSystem

/// What a progress bar does where there is no terminal: in a pipe, in a file, in the log of a build.
public enum ProgressBarStyle: Sendable, Hashable {
    /// A bar on a terminal, and nothing elsewhere.
    case terminalOnly
    /// A bar on a terminal, and elsewhere a line for each percent, or each second where the total is not known.
    case linesElsewhere
}

/// Runs `body` and shows meanwhile how far `progress` is: a bar that is written over on a terminal.
///
/// ```swift
/// let progress = WorkerProgress(total: paths.count)
/// let counts = try await withProgressBar(progress, unit: "files") {
///     try await pool.map(paths.map(CountWords.init), progress: progress).reduce(into: []) { $0.append($1) }
/// }
/// ```
///
/// ```text
/// [##########----------] 120 of 240 files, 50 %  12 s left
/// ```
///
/// The bar is drawn at most twenty times a second and leaves no trace when `body` is done. Writing never holds the tasks up: it
/// is the watching task that waits where a terminal is slow.
///
/// - Parameters:
///   - progress: what `body` advances. It is finished when `body` is done.
///   - unit: what the tasks are, in the plural.
///   - descriptor: where it is shown; standard error if nothing is said, so that it does not get into the output.
///   - style: what happens where that is no terminal.
///   - body: what runs while the bar is shown.
/// - Throws: what `body` throws.
public func withProgressBar<Result, Failure: Error>(
    _ progress: WorkerProgress, unit: String = "tasks", to descriptor: Int32 = 2,
    style: ProgressBarStyle = .terminalOnly, _ body: () async throws(Failure) -> Result
) async throws(Failure) -> Result {
    let bar = ProgressBar(unit: unit, width: TerminalCalls.width(of: descriptor), style: style)
    let outcome: Swift.Result<Result, Failure> = await withDiscardingTaskGroup { group in
        group.addTask { await show(progress, bar, on: descriptor) }
        let outcome: Swift.Result<Result, Failure>
        do throws(Failure) {
            outcome = .success(try await body())
        } catch {
            outcome = .failure(error)
        }
        progress.finish()
        return outcome
    }
    return try outcome.get()
}

private func show(_ progress: WorkerProgress, _ bar: ProgressBar, on descriptor: Int32) async {
    var bar = bar
    for await state in progress.updates {
        let text = bar.draw(state, at: MonotonicClock.nanoseconds)
        if !text.isEmpty {
            await BlockingWriter.write(text, to: descriptor)
            // On a terminal that is often enough; the state that comes after the pause is the latest.
            if bar.isTerminal { try? await Task.sleep(for: .milliseconds(50)) }
        }
    }
    await BlockingWriter.write(bar.end(), to: descriptor)
}

/// What is to be written, as a value.
struct ProgressBar: Sendable {
    private let unit: String
    private let style: ProgressBarStyle
    /// Columns; nil where there is no terminal.
    private let width: Int?
    private var shownPercent: Int?
    private var shownAt: UInt64?
    private var start: UInt64?
    private var hasDrawn = false

    var isTerminal: Bool { width != nil }

    init(unit: String, width: Int?, style: ProgressBarStyle) {
        self.unit = unit
        self.width = width
        self.style = style
    }

    /// The text for a state; empty when there is nothing to be written.
    mutating func draw(_ state: WorkerProgress.State, at now: UInt64) -> String {
        let start = start ?? now
        self.start = start
        let percent = state.fraction.map { Int($0 * 100) }
        if let width {
            hasDrawn = true
            let text = numbers(state, percent) + remaining(state.fraction, now - start) + note(state)
            return "\r\u{1b}[K" + (bar(state.fraction) + text).prefix(max(1, width - 1))
        }
        guard style == .linesElsewhere else { return "" }
        if percent == nil, let shownAt, now - shownAt < 1_000_000_000 { return "" }
        if let percent, percent == shownPercent { return "" }
        shownPercent = percent
        shownAt = now
        return numbers(state, percent) + "\n"
    }

    /// What removes the bar.
    func end() -> String { hasDrawn ? "\r\u{1b}[K" : "" }

    private func numbers(_ state: WorkerProgress.State, _ percent: Int?) -> String {
        let failures = state.failed > 0 ? ", \(state.failed) failed" : ""
        guard let total = state.total, let percent else { return "\(state.completed) \(unit)\(failures)" }
        return "\(state.completed) of \(total) \(unit)\(failures), \(percent) %"
    }

    private func note(_ state: WorkerProgress.State) -> String {
        let printable = state.note.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }
        return printable.isEmpty ? "" : "  " + String(String.UnicodeScalarView(printable))
    }

    private func bar(_ fraction: Double?) -> String {
        guard let fraction else { return "" }
        let filled = Int(fraction * 20)
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: 20 - filled) + "] "
    }

    /// By the time that it took so far, after a few seconds of it.
    private func remaining(_ fraction: Double?, _ elapsed: UInt64) -> String {
        guard let fraction, fraction > 0.01, fraction < 1, elapsed > 3_000_000_000 else { return "" }
        let seconds = Int(Double(elapsed) / 1e9 * (1 - fraction) / fraction)
        return seconds >= 60 ? "  \(seconds / 60) min left" : "  \(seconds) s left"
    }
}

/// Writes to a descriptor that may block: a terminal that somebody has stopped, a pipe that nobody reads.
enum BlockingWriter {
    static func write(_ text: String, to descriptor: Int32) async {
        guard !text.isEmpty else { return }
        let bytes = Array(text.utf8)
        _ = await withCheckedContinuation { continuation in
            do throws(SystemCallError) {
                try SystemThread.start("ipc-progress") {
                    var rest = bytes[...]
                    while !rest.isEmpty, let count = writeSome(rest, to: descriptor) { rest = rest.dropFirst(count) }
                    continuation.resume()
                }
            } catch {
                continuation.resume()
            }
        }
    }

    /// - Returns: how many bytes were written; nil when no more can be.
    private static func writeSome(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int? {
        try? unsafe bytes.span.bytes.withUnsafeBytes { bytes throws(SystemCallError) in
            try unsafe DescriptorCalls.write(descriptor, bytes)
        }
    }
}
