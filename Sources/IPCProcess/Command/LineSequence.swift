public import IPCPipes

/// The lines that a program writes, as they come. Made by `PipeReader.lines`.
///
/// A line ends with "\n", and a "\r" before it belongs to the end; what follows the last end is a line if it is not
/// empty. Bytes that are not UTF-8 become U+FFFD. The sequence ends when the last process that holds the other end has
/// closed it, and throws `.messageTooLarge` on a line above the limit, `.cancelled` when the task is cancelled.
public struct LineSequence: AsyncSequence, Sendable {
    /// A line without its end.
    public typealias Element = String
    /// What ends the iteration early.
    public typealias Failure = IPCError

    private let reader: PipeReader
    private let maximumLength: Int

    init(_ reader: PipeReader, maximumLength: Int) {
        self.reader = reader
        self.maximumLength = maximumLength
    }

    /// One pass over the lines. It reads ahead: what it has read is lost to others who read from the same pipe.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let reader: PipeReader
        private var splitter: LineSplitter
        private var isOver = false

        fileprivate init(_ reader: PipeReader, maximumLength: Int) {
            self.reader = reader
            splitter = LineSplitter(maximumLength: maximumLength)
        }

        /// The next line, or nil at the end.
        public mutating func next() async throws(IPCError) -> String? {
            while !isOver {
                if let line = try splitter.next() { return line }
                if let bytes = try await reader.receive(until: .never) {
                    splitter.append(bytes)
                } else {
                    isOver = true
                }
            }
            return splitter.rest()
        }

        /// The next line, or nil at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(IPCError) -> String? {
            try await next()
        }
    }

    /// Starts a pass over the lines.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader, maximumLength: maximumLength) }
}

@available(*, unavailable)
extension LineSequence.AsyncIterator: Sendable {}

extension PipeReader {
    /// What comes through the pipe as lines of text of at most 1 MiB.
    public var lines: LineSequence { lines(maximumLength: 1 << 20) }

    /// What comes through the pipe as lines of text of at most `maximumLength` bytes.
    public func lines(maximumLength: Int) -> LineSequence { LineSequence(self, maximumLength: maximumLength) }
}
