public import IPCCore

/// The lines of a pipe as an `AsyncSequence` of text, without their ends. See ``PipeReader/readLine(maximumLength:until:)``.
///
/// Made by ``PipeReader/lines``. Several iterations share the lines. Cancelling the task that iterates throws
/// `.cancelled` and loses nothing.
public struct PipeLines: AsyncSequence, Sendable {
    /// One line.
    public typealias Element = String
    /// What ends the iteration early.
    public typealias Failure = IPCError

    private let reader: PipeReader
    private let maximumLength: Int

    init(_ reader: PipeReader, maximumLength: Int) {
        self.reader = reader
        self.maximumLength = maximumLength
    }

    /// One pass over the lines. Not to be shared between tasks: make another one.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let reader: PipeReader
        private let maximumLength: Int

        fileprivate init(_ reader: PipeReader, _ maximumLength: Int) {
            self.reader = reader
            self.maximumLength = maximumLength
        }

        /// The next line, or nil at the end.
        public mutating func next() async throws(IPCError) -> String? {
            try await reader.readLine(maximumLength: maximumLength)
        }

        /// The next line, or nil at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(IPCError) -> String? {
            try await reader.readLine(maximumLength: maximumLength)
        }
    }

    /// Starts a pass over the lines.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader, maximumLength) }
}

@available(*, unavailable)
extension PipeLines.AsyncIterator: Sendable {}
