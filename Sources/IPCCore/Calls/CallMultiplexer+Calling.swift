import IPCSystem
import Synchronization

extension CallMultiplexer {
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
        case .item, .end, .credit, .greeted, .idle:
            preconditionFailure("the state machine let an answer of the wrong kind through")
        }
    }

    /// Asks the peer for a stream of replies.
    ///
    /// The request goes out at once. Letting go of the sequence and its iterator before the end cancels the call.
    ///
    /// - Parameter window: how many items may be on their way or unread.
    package func stream(
        _ method: UInt32, _ payload: [UInt8], window: Int = 64, until deadline: Deadline = .never
    ) throws(CallFailure) -> MultiplexerReplies {
        guard window > 0 else {
            throw CallFailure(
                IPCError(.invalidArgument, "a stream needs a window of one item at least"), reach: .notStarted)
        }
        return MultiplexerReplies(self, id: try begin(method, payload, deadline, window: window))
    }

    private func begin(
        _ method: UInt32, _ payload: [UInt8], _ deadline: Deadline, window: Int
    ) throws(CallFailure) -> UInt64 {
        // A call back to whose request is being served has places of its own there.
        let served = Self.served.flatMap { $0.connection == ObjectIdentifier(self) ? $0 : nil }
        let depth = served.map { $0.depth + 1 } ?? 0
        do {
            let (id, actions) = try state.withLock { state throws(IPCError) in
                try state.begin(method: method, payload: payload, until: deadline, window: window, depth: depth)
            }
            perform(actions)
            return id
        } catch {
            throw CallFailure(error, reach: .notStarted)
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

    func abandon(_ id: UInt64, forgets: Bool = false) {
        perform(state.withLock { $0.abandon(id, IPCError.cancelled("call"), forgets: forgets) })
    }

    /// Waits for the peer's hello, which its layer above has accepted then.
    ///
    /// - Returns: what it said.
    /// - Throws: why the connection ended before, and `.cancelled`.
    package func greeting() async throws(IPCError) -> [UInt8] {
        let event = await wait { (state, ticket, waiter) in state.waitForGreeting(ticket, waiter) }
        if case .failure(let failure) = event { throw failure.error }
        return peerGreeting ?? []
    }

    /// What the peer said in its hello; nil before it has come.
    package var peerGreeting: [UInt8]? { state.withLock { $0.peerGreeting } }

    /// Whether no call goes over it any more.
    package var isOver: Bool { state.withLock { $0.ended != nil } }

    /// Whether it is over, or the peer is about to end it and takes no more requests.
    package var isOverOrEnding: Bool { state.withLock { $0.ended != nil || $0.peerIsLeaving } }

    /// Waits until the connection is over: nothing is read or sent any more. Handlers may still run.
    ///
    /// - Throws: why it ended, unless the peer finished, and `.cancelled`.
    package func waitUntilEnd() async throws(IPCError) {
        let event = await wait { (state, ticket, waiter) in state.waitUntilEnd(ticket, waiter) }
        if case .failure(let failure) = event { throw failure.error }
        let (error, isOrderly) = state.withLock { ($0.ended, $0.endedInOrder) }
        if let error, !isOrderly { throw error }
    }

    /// Takes no requests any more, waits until the handlers that run are done, says goodbye to the peer, and waits until all of
    /// it has been handed to the channel, the connection ends or the task is cancelled. A handler that calls this is not waited
    /// for.
    package func drain() async {
        state.withLock { $0.beginDraining() }
        await waitUntilIdle()
        perform(state.withLock { $0.sayGoodbye() })
        await waitUntilIdle()
    }

    private func waitUntilIdle() async {
        let served = Self.served
        let isHandler = served?.connection == ObjectIdentifier(self) && served?.task == Self.currentTask
        let own = isHandler ? served?.id : nil
        _ = await wait { (state, ticket, waiter) in state.waitUntilIdle(besides: own, ticket, waiter) }
    }

    /// Waits as `register` has noted it in the state; cancelling the task ends the wait with `.cancelled`.
    func wait(_ register: (inout State, UInt64, Sleeper<CallEvent>) -> [State.Action]) async -> CallEvent {
        let ticket = state.withLock { $0.newTicket() }
        return await withTaskCancellationHandler {
            await Sleeper.sleep { waiter in
                perform(state.withLock { register(&$0, ticket, waiter) })
                // The handler below may have run before there was anything to find.
                if Task.isCancelled { perform(state.withLock { $0.cancelWait(ticket) }) }
            }
        } onCancel: {
            perform(state.withLock { $0.cancelWait(ticket) })
        }
    }
}
