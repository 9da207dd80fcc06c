import IPCCore
import IPCSystem

/// Making connections, and letting go of broken ones.
extension Connector {
    func channel(until deadline: Deadline) async throws(IPCError) -> SocketChannel {
        if let channel = try current() { return channel }
        try await connecting.acquire(until: deadline, "connect")
        defer { _ = connecting.release() }
        if let channel = try current() { return channel }
        let made = try await dial(until: deadline)
        let isClosed = state.withLock { state in
            if !state.isClosed { state.channel = made }
            return state.isClosed
        }
        if isClosed {
            made.close()
            throw .closed("connect")
        }
        return made
    }

    /// Makes a connection, in a task that `close` cancels: who waits for it may have no deadline.
    private func dial(until deadline: Deadline) async throws(IPCError) -> SocketChannel {
        let (address, options, retry) = (address, options, retry)
        let dialling = state.withLock { state -> Dialling? in
            if state.isClosed { return nil }
            let hasFinishedSending = state.hasFinishedSending
            let task = Task.detached(executorPreference: WaitEngine.shared.executor) {
                () async -> Result<SocketChannel, IPCError> in
                do throws(IPCError) {
                    let channel = try await SocketChannel.connect(
                        to: address, options: options, retry: retry, until: deadline)
                    // A connection that is broken already says so to whoever uses it.
                    if hasFinishedSending { try? await channel.finish(until: deadline) }
                    return .success(channel)
                } catch {
                    return .failure(error)
                }
            }
            state.dialling = task
            return task
        }
        guard let dialling else { throw .closed("connect") }
        let result = await withTaskCancellationHandler {
            await dialling.value
        } onCancel: {
            dialling.cancel()
        }
        let isClosed = state.withLock { state in
            state.dialling = nil
            return state.isClosed
        }
        switch result {
        case .success(let channel): return channel
        case .failure(let error): throw isClosed ? .closed("connect") : error
        }
    }

    private func current() throws(IPCError) -> SocketChannel? {
        try state.withLock { state throws(IPCError) in
            if state.isClosed { throw .closed("use a connector") }
            return state.channel
        }
    }

    /// Remembers that a connection broke, once, and lets go of it.
    ///
    /// - Returns: whether `error` says so, and another connection may do better.
    func note(_ error: IPCError, on channel: SocketChannel, _ isBroken: Bool) -> Bool {
        guard isBroken || isOver(channel, error) else { return false }
        let isFirst = state.withLock { state in
            guard state.channel === channel else { return false }
            state.channel = nil
            state.add(
                Interruption(
                    error: error, uncertain: state.firstUncertain..<max(state.firstUncertain, state.nextNumber)))
            state.firstUncertain = max(state.firstUncertain, state.nextNumber)
            return true
        }
        if isFirst { channel.close() }
        return !state.withLock { $0.isClosed }
    }

    /// Whether a `send` that threw this has no connection any more, rather than a message that cannot be sent.
    static func breaksSending(_ error: IPCError) -> Bool {
        error.code == .peerClosed || error.code == .truncated
    }

    /// Whether a `receive` that threw this will bring nothing any more: all that does not say that it was tried in vain.
    static func breaksReceiving(_ error: IPCError) -> Bool {
        ![.timedOut, .cancelled, .closed, .resourceExhausted].contains(error.code)
    }

    /// Whether `.closed` means that another task has let go of this connection, not that the connector was closed.
    private func isOver(_ channel: SocketChannel, _ error: IPCError) -> Bool {
        error.code == .closed && state.withLock { !$0.isClosed && $0.channel !== channel }
    }
}
