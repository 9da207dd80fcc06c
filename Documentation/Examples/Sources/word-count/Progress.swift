import Glibc

/// How far the count is, on standard error when that is a terminal.
struct Progress {
    private let count: Int
    private let isTerminal: Bool
    private let isShown: Bool
    private var done = 0
    private var shownPercent = -1

    init(count: Int, isForced: Bool) {
        self.count = count
        isTerminal = isatty(STDERR_FILENO) == 1
        isShown = isTerminal || isForced
    }

    mutating func advance() {
        done += 1
        let percent = done * 100 / max(1, count)
        guard isShown, percent != shownPercent else { return }
        shownPercent = percent
        // A terminal's line is written over; a pipe gets lines.
        let text = "\(done) of \(count) files, \(percent) %"
        writeAll(Array((isTerminal ? "\r\u{1b}[K\(text)" : "\(text)\n").utf8), to: STDERR_FILENO)
    }

    /// Leaves no trace on a terminal.
    func end() {
        if isShown && isTerminal { writeAll(Array("\r\u{1b}[K".utf8), to: STDERR_FILENO) }
    }
}
