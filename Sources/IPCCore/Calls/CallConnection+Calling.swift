import IPCSystem
import Synchronization

extension CallConnection {
    /// Asks the peer and waits for its reply.
    ///
    /// - Parameters:
    ///   - method: what is asked for, as the two sides have agreed.
    ///   - deadline: when to give up. The remaining time travels with the request.
    /// - Throws: ``CallFailure``: what the peer's handler threw, or `.timedOut`, `.cancelled`, `.peerClosed`, `.closed`,
    ///   `.messageTooLarge`, `.unsupported`.
    package func call(
        _ method: UInt32, _ payload: [UInt8], until deadline: Deadline = .never
    ) async throws(CallFailure) -> [UInt8] {
        let id = try begin(method, payload, deadline, window: 0)
        switch await nextEvent(id) {
        case .reply(let bytes): return bytes
        case .failure(let failure): throw failure
        case .item, .end, .credit: preconditionFailure("the state machine let an answer of the wrong kind through")
        }
    }

    /// Asks the peer for a stream of replies.
    ///
    /// The request goes out at once. Letting go of the sequence and its iterator before the end cancels the call.
    ///
    /// - Parameter window: how many items may be on their way or unread.
    package func stream(
        _ method: UInt32, _ payload: [UInt8], window: Int = 64, until deadline: Deadline = .never
    ) throws(CallFailure) -> CallReplies {
        guard window > 0 else {
            throw CallFailure(IPCError(.invalidArgument, "a stream needs a window of one item at least"))
        }
        return CallReplies(self, id: try begin(method, payload, deadline, window: window))
    }

    private func begin(
        _ method: UInt32, _ payload: [UInt8], _ deadline: Deadline, window: Int
    ) throws(CallFailure) -> UInt64 {
        do {
            let (id, actions) = try state.withLock { state throws(IPCError) in
                try state.begin(method: method, payload: payload, until: deadline, window: window)
            }
            perform(actions)
            return id
        } catch {
            throw CallFailure(error)
        }
    }

    /// The next event of a call. Cancelling the task gives the call up.
    func nextEvent(_ id: UInt64) async -> CallEvent {
        let (event, actions) = state.withLock { $0.next(id) }
        perform(actions)
        if let event { return event }
        return await withTaskCancellationHandler {
            await Sleeper.sleep { waiter in perform(state.withLock { $0.wait(for: id, waiter) }) }
        } onCancel: {
            abandon(id)
        }
    }

    func abandon(_ id: UInt64) {
        perform(state.withLock { $0.abandon(id, IPCError.cancelled("call")) })
    }
}
