/// How a call failed.
///
/// ```swift
/// do {
///     try await connection.call(Withdraw(amount: 50))
/// } catch .thrown(let refusal) {              // a Withdraw.Failure
///     print("refused: \(refusal)")
/// } catch {
///     if error.mayHaveBeenDone { print("ask for the balance before you try again") }
/// }
/// ```
public enum CallError<Thrown: Error>: Error {
    /// The handler threw it.
    case thrown(Thrown)
    /// What the library says, and how far the request came. The code is that of the handler's own `IPCError`, `.taskFailed`
    /// where the handler threw an error of another kind, and otherwise one of those that the call names.
    case failed(IPCError, CallProgress)

    /// The library's error, unless the handler threw one of its own.
    public var error: IPCError? {
        if case .failed(let error, _) = self { error } else { nil }
    }

    /// How far the request came.
    public var progress: CallProgress {
        if case .failed(_, let progress) = self { progress } else { .answered }
    }

    /// Whether the handler may have been started. False: asking again cannot do it twice.
    public var mayHaveBeenDone: Bool { progress != .notStarted }

    /// Whether the caller's task was cancelled, or the handler says that it was.
    public var isCancellation: Bool { error?.isCancellation ?? false }
}

extension CallError: Sendable where Thrown: Sendable {}

extension CallError: CustomStringConvertible {
    /// The error, and what it says about the request.
    public var description: String {
        switch self {
        case .thrown(let error): "the peer's handler threw \(error)"
        case .failed(let error, let progress): "\(error) (the request \(progress))"
        }
    }
}

/// How far a request came that failed.
public enum CallProgress: Sendable, Hashable, CustomStringConvertible {
    /// No handler was started for it: it did not leave, or the peer declined it.
    case notStarted
    /// It was sent, and no answer has come: it may have been done, in part or as a whole, or not at all.
    case unknown
    /// The handler ended, with this failure.
    case answered

    /// What happened to the request, in words.
    public var description: String {
        switch self {
        case .notStarted: "was not started"
        case .unknown: "may have been done"
        case .answered: "was answered"
        }
    }

    init(_ reach: CallFailure.Reach) {
        self =
            switch reach {
            case .notStarted: .notStarted
            case .unknown: .unknown
            case .answered: .answered
            }
    }
}

extension CallError where Thrown: Decodable {
    /// What the multiplexer says, with the handler's own error decoded.
    init(_ failure: CallFailure) {
        if !failure.payload.isEmpty, let thrown = try? BinaryCodec.decode(Thrown.self, from: failure.payload) {
            self = .thrown(thrown)
        } else {
            self = .failed(failure.error, CallProgress(failure.reach))
        }
    }
}

extension CallFailure {
    /// What a handler threw: with its bytes if it is the error that the request names.
    init<Thrown: Error & Encodable>(_ error: any Error, declared: Thrown.Type) {
        if let thrown = error as? Thrown, let bytes = try? BinaryCodec.encode(thrown) {
            self.init(
                IPCError(.taskFailed, "the handler threw: \(thrown)"), typeName: String(reflecting: Thrown.self),
                payload: bytes)
        } else if error is IPCError || error is CancellationError || error is CallFailure {
            self.init(thrown: error)
        } else {
            self.init(IPCError(.taskFailed, "the handler threw: \(error)"))
        }
    }
}
