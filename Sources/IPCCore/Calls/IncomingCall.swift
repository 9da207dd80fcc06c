import IPCSystem
import Synchronization

/// A request in the hands of its handler.
package struct IncomingCall: Sendable {
    private let request: IncomingRequest
    private let connection: CallMultiplexer

    init(_ request: IncomingRequest, _ connection: CallMultiplexer) {
        self.request = request
        self.connection = connection
    }

    /// What is asked for.
    package var method: UInt32 { request.method }
    package var payload: [UInt8] { request.payload }
    /// When the caller gives up. The handler's task is cancelled then.
    package var deadline: Deadline { request.deadline }
    /// Whether a stream of items is wanted, sent by ``send(_:)``, or one reply.
    package var wantsStream: Bool { request.window > 0 }

    /// Sends one item of a stream; suspends while the caller has not taken enough of the earlier ones, or the channel is full.
    /// Tasks that send at the same time take turns in no order.
    ///
    /// - Throws: `.cancelled` when the caller gave the call up or this task is cancelled while it waits, `.peerClosed` when the
    ///   caller is gone, `.messageTooLarge`, and `.unsupported` when the caller wants one reply.
    package func send(_ item: [UInt8]) async throws(IPCError) {
        while true {
            switch connection.state.withLock({ $0.offer(item, for: request.id) }) {
            case .sent(let actions):
                connection.perform(actions)
                return
            case .refused(let failure):
                throw failure.error
            case .mustWait:
                let event = await connection.wait { (state, ticket, waiter) in
                    state.waitForCredit(for: request.id, ticket, waiter)
                }
                if case .failure(let failure) = event { throw failure.error }
            }
        }
    }
}
