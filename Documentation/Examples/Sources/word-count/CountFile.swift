import Glibc
import IPCWorkers

/// The work: counts one file, in a worker process.
struct CountFile: WorkerTask {
    /// The path as the kernel knows it: a file's name is bytes, not always UTF-8.
    var path: [UInt8]

    /// What became of a file.
    enum Result: Codable, Sendable, Equatable {
        case counted(Counts)
        case binary
        case unreadable(String)
    }

    /// A file is counted again when its worker died: that changes nothing.
    static var maximumAttempts: Int { 4 }

    /// A file in a broken network file system may never be read to its end.
    var timeLimit: Duration? { .seconds(600) }

    func run(in context: WorkerContext) async throws -> Result {
        // A FIFO that took the place of the file must not hold the worker up.
        let file = (path + [0]).withUnsafeBufferPointer { name in
            name.withMemoryRebound(to: CChar.self) {
                open($0.baseAddress!, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            }
        }
        guard file >= 0 else { return .unreadable(message(errno)) }
        defer { close(file) }
        var counter = Counter()
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        var isFirst = true
        while true {
            let count = chunk.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return .unreadable(message(errno)) }
            guard count > 0 else { return .counted(counter.counts) }
            if isFirst && chunk[..<min(count, 8_000)].contains(0) { return .binary }
            isFirst = false
            try Task.checkCancellation()
            chunk.withUnsafeBytes { counter.add($0[..<count]) }
        }
    }

    private func message(_ code: Int32) -> String { String(cString: strerror(code)) }
}

/// Lines, words and bytes.
struct Counts: Codable, Sendable, Equatable {
    var lines = 0
    var words = 0
    var bytes = 0

    static func += (left: inout Counts, right: Counts) {
        left.lines += right.lines
        left.words += right.words
        left.bytes += right.bytes
    }
}

/// Counts bytes as they come, by the rules of `wc` in the C locale: white space parts words, and a word is what has at
/// least one printable ASCII character in it.
struct Counter {
    private(set) var counts = Counts()
    private var isInWord = false

    private enum Kind: UInt8 {
        case other, visible, space, lineBreak
    }

    private static let kinds: [UInt8] = (0...255).map { (byte: UInt8) in
        switch byte {
        case 10: Kind.lineBreak.rawValue
        case 9, 11, 12, 13, 32: Kind.space.rawValue
        case 33...126: Kind.visible.rawValue
        default: Kind.other.rawValue
        }
    }

    mutating func add(_ bytes: Slice<UnsafeRawBufferPointer>) {
        counts.bytes += bytes.count
        var lines = 0
        var words = 0
        var isInWord = isInWord
        Self.kinds.withUnsafeBufferPointer { kinds in
            for byte in bytes {
                let kind = kinds[Int(byte)]
                if kind == Kind.visible.rawValue {
                    if !isInWord { words += 1 }
                    isInWord = true
                } else if kind != Kind.other.rawValue {
                    isInWord = false
                    if kind == Kind.lineBreak.rawValue { lines += 1 }
                }
            }
        }
        counts.lines += lines
        counts.words += words
        self.isInWord = isInWord
    }
}
