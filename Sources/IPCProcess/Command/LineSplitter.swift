/// Cuts bytes into lines as they come. A line ends with "\n"; a "\r" before it belongs to the end.
struct LineSplitter {
    private var pending: [UInt8] = []
    /// Where the unread part of `pending` starts, and how far it is known to have no end of line.
    private var start = 0
    private var searched = 0
    private let maximumLength: Int

    init(maximumLength: Int = .max) {
        self.maximumLength = maximumLength
    }

    mutating func append(_ bytes: [UInt8]) {
        if start > 0 {
            pending.removeFirst(start)
            searched -= start
            start = 0
        }
        pending += bytes
    }

    /// The next whole line; nil when its end has not come yet.
    ///
    /// - Throws: `.messageTooLarge` when the line is too long already.
    mutating func next() throws(IPCError) -> String? {
        guard let end = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = pending.count
            try check(pending.count - start)
            return nil
        }
        try check(end - start)
        defer {
            start = end + 1
            searched = start
        }
        return Self.text(pending[start..<end])
    }

    /// The last line if the bytes ended without an end of line.
    mutating func rest() -> String? {
        guard start < pending.count else { return nil }
        defer { start = pending.count }
        return Self.text(pending[start...])
    }

    private func check(_ length: Int) throws(IPCError) {
        guard length <= maximumLength else {
            throw IPCError(
                .messageTooLarge,
                "read a line: it is longer than \(maximumLength) bytes; read bytes, or raise the limit")
        }
    }

    private static func text(_ line: ArraySlice<UInt8>) -> String {
        String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
    }

    static func lines(of bytes: [UInt8]) -> [String] {
        var splitter = LineSplitter()
        splitter.append(bytes)
        var lines: [String] = []
        // Without a limit there is nothing that `next` would throw.
        while let line = try? splitter.next() { lines.append(line) }
        if let rest = splitter.rest() { lines.append(rest) }
        return lines
    }
}
