/// How a call failed: here, on the way, or in the peer's hands.
package struct CallFailure: Error, Sendable, Equatable {
    /// What the library says of it. `.taskFailed` when the peer's handler threw an error of its own.
    package var error: IPCError
    /// The name of the peer's own error type, as the layer above names it; empty when there is none.
    package var typeName: String
    /// That error, encoded by the layer above.
    package var payload: [UInt8]
    /// How far the request came.
    package var reach: Reach

    /// How far a request came that failed: what decides whether it may be made again.
    package enum Reach: Sendable, Equatable {
        /// No handler was started for it: it never left, or the peer declined it.
        case notStarted
        /// It was sent, and there is no answer: it may have been done, in part or as a whole.
        case unknown
        /// The peer's handler ended with this failure.
        case answered
    }

    package init(_ error: IPCError, typeName: String = "", payload: [UInt8] = [], reach: Reach = .answered) {
        self.error = error
        self.reach = reach
        self.typeName = typeName
        self.payload = payload
    }

    /// What a handler threw, for its caller: the library's errors and failures as they are, others by their description.
    package init(thrown error: any Error) {
        if let failure = error as? CallFailure {
            self = failure
        } else if let error = error as? IPCError {
            self.init(error)
        } else if error is CancellationError {
            self.init(IPCError(.cancelled, "the call was cancelled"))
        } else {
            self.init(IPCError(.taskFailed, "\(error)"))
        }
    }
}

extension IPCError.Code {
    /// The code of this name, as failures carry it from process to process.
    package init?(named name: String) {
        guard let code = Self.byName[name] else { return nil }
        self = code
    }

    private static let byName: [String: IPCError.Code] = {
        let codes: [IPCError.Code] = [
            .cancelled, .timedOut, .peerClosed, .truncated, .closed, .finished, .messageTooLarge, .protocolViolation,
            .wrongMagic, .wrongVersion, .encodingFailed, .decodingFailed, .invalidArgument, .invalidName, .notFound,
            .alreadyExists, .permissionDenied, .addressInUse, .connectionRefused, .resourceExhausted, .unsupported,
            .removed, .statusUnavailable, .executionFailed, .processFailed, .handshakeFailed, .workerCrashed,
            .taskFailed, .restartLimitReached, .outputTooLarge, .descriptorsTruncated, .participantLost, .typeMismatch,
            .busy, .poisoned, .unreachable, .systemFailure,
        ]
        return Dictionary(uniqueKeysWithValues: codes.map { ($0.description, $0) })
    }()
}
