/// The messages of a channel as an `AsyncSequence`. It ends when the peer finishes and throws what `receive` throws.
///
/// Made by ``ReceiveChannel/incoming``. Several iterations share the messages. Cancelling the task that iterates throws
/// `.cancelled` and loses nothing.
public struct IncomingMessages<Message: Sendable>: AsyncSequence, Sendable {
    /// A message of the channel.
    public typealias Element = Message
    /// What ends the iteration early.
    public typealias Failure = IPCError

    private let channel: any ReceiveChannel<Message>

    /// The messages of `channel`.
    public init(_ channel: any ReceiveChannel<Message>) {
        self.channel = channel
    }

    /// One pass over the messages. Not to be shared between tasks: make another one.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let channel: any ReceiveChannel<Message>

        fileprivate init(_ channel: any ReceiveChannel<Message>) {
            self.channel = channel
        }

        /// The next message, or nil when the peer has finished.
        public mutating func next() async throws(IPCError) -> Message? {
            try await channel.receive(until: .never)
        }

        /// The next message, or nil when the peer has finished.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(IPCError) -> Message? {
            try await channel.receive(until: .never)
        }
    }

    /// Starts a pass over the messages.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(channel) }
}

@available(*, unavailable)
extension IncomingMessages.AsyncIterator: Sendable {}

extension ReceiveChannel {
    /// The messages as an `AsyncSequence`: `for try await message in channel.incoming`.
    public var incoming: IncomingMessages<Inbound> { IncomingMessages(self) }
}
