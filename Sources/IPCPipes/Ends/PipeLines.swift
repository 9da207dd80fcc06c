public import IPCCore

/// The lines of a pipe as an `AsyncSequence` of text, without their newlines. It ends with the pipe.
///
/// Made by ``PipeReader/lines(limit:)``. Several iterations share the lines. Cancelling the task that iterates throws
/// `.cancelled` and loses nothing.
public struct PipeLines: AsyncSequence, Sendable {
    /// One line.
    public typealias Element = String
    /// What ends the iteration early.
    public typealias Failure = IPCError

    private let reader: PipeReader
    private let limit: Int

    init(_ reader: PipeReader, limit: Int) {
        self.reader = reader
        self.limit = limit
    }

    /// One pass over the lines. Not to be shared between tasks: make another one.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let reader: PipeReader
        private let limit: Int

        fileprivate init(_ reader: PipeReader, _ limit: Int) {
            self.reader = reader
            self.limit = limit
        }

        /// The next line, or nil at the end.
        public mutating func next() async throws(IPCError) -> String? {
            try await reader.readLine(limit: limit)
        }

        /// The next line, or nil at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(IPCError) -> String? {
            try await reader.readLine(limit: limit)
        }
    }

    /// Starts a pass over the lines.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader, limit) }
}

@available(*, unavailable)
extension PipeLines.AsyncIterator: Sendable {}
