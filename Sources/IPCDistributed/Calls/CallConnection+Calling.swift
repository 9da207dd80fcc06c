extension CallConnection {
    /// Asks the peer and waits for its reply.
    ///
    /// Cancelling the task gives the call up, and cancels the handler's task.
    ///
    /// - Parameters:
    ///   - request: what is asked.
    ///   - deadline: when to give up. The time that is left travels with the request; the handler sees it, and its task is
    ///     cancelled when it is over.
    /// - Throws: ``CallError/thrown(_:)`` with the handler's own error. Otherwise ``CallError/failed(_:_:)`` with how far the
    ///   request came and `.timedOut`, `.cancelled`, `.peerClosed`, `.closed`, `.messageTooLarge`, `.encodingFailed`,
    ///   `.decodingFailed`, `.unsupported` when the peer has no handler for it, `.taskFailed`, or the code of an `IPCError` that
    ///   the handler threw.
    @discardableResult
    public func call<Request: CallRequest>(
        _ request: Request, until deadline: Deadline = .never
    ) async throws(CallError<Request.Failure>) -> Request.Reply {
        let payload: [UInt8]
        do {
            payload = try CallPayload.encode(Request.callName, request)
        } catch {
            throw .failed(error, .notStarted)
        }
        let bytes: [UInt8]
        do {
            bytes = try await multiplexer.call(CallPayload.named, payload, until: deadline)
        } catch {
            throw CallError(error)
        }
        do {
            return try BinaryCodec.decode(Request.Reply.self, from: bytes)
        } catch {
            throw .failed(error, .answered)
        }
    }

    /// Asks the peer for a stream of items.
    ///
    /// The request goes out at once. Letting go of the sequence and its iterator before the end gives the call up, and so does
    /// cancelling the task that reads it; the handler's task is cancelled then.
    ///
    /// - Parameters:
    ///   - request: what is asked.
    ///   - window: how many items may be on their way or unread, 1 to 65,536: the handler waits when so many are.
    ///   - deadline: when to give up.
    /// - Throws: ``CallError/failed(_:_:)`` when the request cannot be made. What fails later, the sequence throws.
    public func stream<Request: StreamRequest>(
        _ request: Request, window: Int = 64, until deadline: Deadline = .never
    ) throws(CallError<Request.Failure>) -> ItemStream<Request.Item, Request.Failure> {
        let payload: [UInt8]
        do {
            payload = try CallPayload.encode(Request.callName, request)
        } catch {
            throw .failed(error, .notStarted)
        }
        do {
            return ItemStream(
                try multiplexer.stream(CallPayload.named, payload, window: window, until: deadline), self)
        } catch {
            throw CallError(error)
        }
    }
}

/// The items of a stream that a peer's handler sends. One task reads it, once.
public struct ItemStream<Item: Decodable & Sendable, Thrown: Error & Decodable & Sendable>: AsyncSequence, Sendable {
    public typealias Element = Item
    public typealias Failure = CallError<Thrown>

    private let replies: MultiplexerReplies
    /// The stream lives as long as it is read, even if nobody else holds the connection.
    private let connection: CallConnection

    init(_ replies: MultiplexerReplies, _ connection: CallConnection) {
        self.replies = replies
        self.connection = connection
    }

    /// One pass over the items.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var replies: MultiplexerReplies.AsyncIterator
        private let connection: CallConnection

        fileprivate init(_ replies: MultiplexerReplies.AsyncIterator, _ connection: CallConnection) {
            self.replies = replies
            self.connection = connection
        }

        /// The next item; nil when the handler has returned.
        ///
        /// - Throws: as ``CallConnection/call(_:until:)`` does. Items that arrived before a failure come first.
        public mutating func next() async throws(CallError<Thrown>) -> Item? {
            let bytes: [UInt8]?
            do {
                bytes = try await replies.next()
            } catch {
                throw CallError(error)
            }
            guard let bytes else { return nil }
            do {
                return try BinaryCodec.decode(Item.self, from: bytes)
            } catch {
                throw .failed(error, .unknown)
            }
        }

        /// The next item; nil when the handler has returned.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(CallError<Thrown>) -> Item? {
            try await next()
        }
    }

    /// Starts the pass.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(replies.makeAsyncIterator(), connection) }
}

@available(*, unavailable)
extension ItemStream.AsyncIterator: Sendable {}
