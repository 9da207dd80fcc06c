/// What is kept of a worker's standard error: its end, and the beginning of what matters in it.
///
/// That is the line in which a fatal error is told, which a long backtrace after it would push out of the end; without
/// such a line, the first that the worker wrote.
struct ErrorExcerpt {
    /// Bytes that are kept of the beginning.
    static let headSize = 2048
    private static let longestLine = 512
    /// How the Swift runtime tells of a trap: `File.swift:12: Fatal error: …`.
    private static let marker = Array("Fatal error:".utf8)

    private let tailSize: Int
    private var head: [UInt8] = []
    private var tail: [UInt8] = []
    /// The line that is not over, or its first bytes.
    private var line: [UInt8] = []
    /// Bytes that were written before the head, and in all.
    private var headStart = 0
    private var count = 0

    /// Keeps `tailSize` bytes of the end; with 0, nothing at all.
    init(tailSize: Int) { self.tailSize = tailSize }

    mutating func append(_ bytes: [UInt8]) {
        guard tailSize > 0 else { return }
        for byte in bytes {
            count += 1
            if head.count < Self.headSize { head.append(byte) }
            if byte == UInt8(ascii: "\n") {
                line = []
                continue
            }
            guard line.count < Self.longestLine else { continue }
            line.append(byte)
            if byte == Self.marker.last, line.suffix(Self.marker.count).elementsEqual(Self.marker) {
                head = line
                headStart = count - line.count
            }
        }
        tail += bytes
        if tail.count > tailSize { tail.removeFirst(tail.count - tailSize) }
    }

    /// Head and tail, with a word on what is left out between them; the tail alone where it has the head, too.
    var text: String {
        let tailStart = count - tail.count
        let end = String(decoding: tail, as: UTF8.self).trimmingTrailingNewlines()
        guard headStart < tailStart else { return end }
        let gap = tailStart - (headStart + head.count)
        if gap <= 0 {
            let both = head.prefix(tailStart - headStart) + tail
            return String(decoding: both, as: UTF8.self).trimmingTrailingNewlines()
        }
        let start = String(decoding: head, as: UTF8.self).trimmingTrailingNewlines()
        return "\(start)\n[\(gap) bytes left out]\n\(end)"
    }
}

extension String {
    fileprivate func trimmingTrailingNewlines() -> String {
        var text = Substring(self)
        while text.last?.isNewline == true { text.removeLast() }
        return String(text)
    }
}
