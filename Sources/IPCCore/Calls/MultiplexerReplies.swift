/// A stream of replies to one request. One task reads it.
package struct MultiplexerReplies: AsyncSequence, Sendable {
    package typealias Element = [UInt8]
    package typealias Failure = CallFailure

    /// Gives the call up when nobody holds the sequence or its iterator any more.
    fileprivate final class Lease: Sendable {
        let connection: CallMultiplexer
        let id: UInt64

        init(_ connection: CallMultiplexer, _ id: UInt64) {
            self.connection = connection
            self.id = id
        }

        deinit { connection.abandon(id, forgets: true) }
    }

    private let lease: Lease

    init(_ connection: CallMultiplexer, id: UInt64) {
        lease = Lease(connection, id)
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let lease: Lease
        private var isOver = false

        fileprivate init(_ lease: Lease) {
            self.lease = lease
        }

        package mutating func next() async throws(CallFailure) -> [UInt8]? {
            guard !isOver else { return nil }
            switch await lease.connection.nextEvent(lease.id) {
            case .item(let bytes): return bytes
            case .end:
                isOver = true
                return nil
            case .failure(let failure):
                isOver = true
                throw failure
            case .reply, .credit, .greeted, .idle:
                preconditionFailure("the state machine let an answer of the wrong kind through")
            }
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(CallFailure) -> [UInt8]? {
            try await next()
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(lease) }
}

@available(*, unavailable)
extension MultiplexerReplies.AsyncIterator: Sendable {}
