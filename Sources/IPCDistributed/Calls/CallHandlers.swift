/// What a side of a connection answers: a handler for each type of request.
///
/// A handler runs in a task of its own, which is cancelled when the caller's task is, when its deadline passes and when the
/// connection ends. What it throws arrives at the caller: its declared error as itself, an `IPCError` as it is, any other as
/// `.taskFailed` with its description.
public struct CallHandlers: Sendable {
    struct Entry: Sendable {
        var isShort: Bool
        /// The bytes of the reply, nil after a stream. The value starts at the offset.
        var serve: @Sendable (IncomingCall, Int, CallContext) async throws -> [UInt8]?
    }

    private(set) var entries: [String: Entry] = [:]

    init() {}

    /// Answers requests of this type with `body`. The last handler for a type counts.
    ///
    /// - Parameters:
    ///   - type: the type of the requests.
    ///   - isShort: the handler is done in a few microseconds or suspends first. It starts on the task that reads the
    ///     channel, which saves a hand-over; one that computes for longer holds up everything else on this connection.
    ///   - body: what is done for a request; what it throws reaches the caller.
    @_disfavoredOverload  // A closure without a result belongs to the form below.
    public mutating func on<Request: CallRequest>(
        _ type: Request.Type, isShort: Bool = false,
        _ body: @escaping @Sendable (Request, CallContext) async throws -> Request.Reply
    ) {
        entries[Request.callName] = Entry(isShort: isShort) { call, offset, context in
            guard !call.wantsStream else {
                throw CallFailure(
                    IPCError(.unsupported, "\(Request.callName) has one reply, not a stream of them"),
                    reach: .notStarted)
            }
            let request = try Self.decode(type, call, offset)
            do {
                return try BinaryCodec.encode(try await body(request, context))
            } catch {
                throw CallFailure(error, declared: Request.Failure.self)
            }
        }
    }

    /// Answers requests of this type, whose reply only says that `body` is done.
    public mutating func on<Request: CallRequest>(
        _ type: Request.Type, isShort: Bool = false,
        _ body: @escaping @Sendable (Request, CallContext) async throws -> Void
    ) where Request.Reply == NoReply {
        on(type, isShort: isShort) { (request: Request, context: CallContext) async throws -> NoReply in
            try await body(request, context)
            return NoReply()
        }
    }

    /// Answers requests for a stream with `body`, which sends the items and returns when there are no more.
    public mutating func on<Request: StreamRequest>(
        _ type: Request.Type,
        _ body: @escaping @Sendable (Request, ItemSender<Request.Item>, CallContext) async throws -> Void
    ) {
        entries[Request.callName] = Entry(isShort: false) { call, offset, context in
            guard call.wantsStream else {
                throw CallFailure(
                    IPCError(.unsupported, "\(Request.callName) is a stream; ask for it with stream"),
                    reach: .notStarted)
            }
            let request = try Self.decode(type, call, offset)
            do {
                try await body(request, ItemSender(call: call), context)
                return nil
            } catch {
                throw CallFailure(error, declared: Request.Failure.self)
            }
        }
    }

    private static func decode<Request: Decodable>(
        _ type: Request.Type, _ call: IncomingCall, _ offset: Int
    ) throws(CallFailure) -> Request {
        do {
            return try CallPayload.decode(type, from: call.payload, at: offset)
        } catch {
            throw CallFailure(error, reach: .notStarted)
        }
    }

    /// Whether the handler of a request may start at once.
    func isShort(_ request: IncomingRequest) -> Bool {
        guard request.method == CallPayload.named, let (name, _) = CallPayload.name(of: request.payload) else {
            return false
        }
        return entries[name]?.isShort ?? false
    }

    /// Serves a request by its name.
    func serve(_ call: IncomingCall, _ connection: CallConnection) async throws -> [UInt8]? {
        guard let (name, offset) = CallPayload.name(of: call.payload) else {
            throw CallFailure(
                IPCError(.protocolViolation, "a request whose name cannot be read"), reach: .notStarted)
        }
        guard let entry = entries[name] else {
            throw CallFailure(
                IPCError(.unsupported, "the peer has no handler for \(name)"), reach: .notStarted)
        }
        return try await entry.serve(call, offset, CallContext(deadline: call.deadline, connection: connection))
    }
}
