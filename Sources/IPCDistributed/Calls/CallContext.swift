public import IPCSockets

/// What a handler knows of the call that it serves.
public struct CallContext: Sendable {
    /// When the caller gives up; the handler's task is cancelled then. Pass it on to calls that the handler makes.
    public let deadline: Deadline
    /// The connection that the request came over: calls on it go to the caller.
    public let connection: CallConnection

    /// Who asks, where the channel can tell: a connection over a Unix socket.
    public var peer: PeerCredentials? { connection.peer }
}

/// Where a handler sends the items of a stream.
public struct ItemSender<Item: Encodable & Sendable>: Sendable {
    let call: IncomingCall

    /// Sends one item; suspends while the caller has not taken enough of the earlier ones.
    ///
    /// Tasks of the handler that send at the same time take turns, in no order.
    ///
    /// - Throws: `.cancelled` when the caller gave the stream up, or the task is cancelled while it waits; `.timedOut`, `.peerClosed` when it is gone, `.closed`,
    ///   `.messageTooLarge`, `.encodingFailed`.
    public func send(_ item: Item) async throws(IPCError) {
        try await call.send(try BinaryCodec.encode(item))
    }
}
