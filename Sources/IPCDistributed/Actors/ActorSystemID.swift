public import Distributed

/// One ``IPCActorSystem``, told from all others of all processes and machines by 128 random bits.
public struct ActorSystemID: Hashable, Sendable, Codable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    /// A new one.
    package static func random() -> ActorSystemID {
        ActorSystemID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads what ``encode(to:)`` wrote.
    public init(from decoder: any Decoder) throws {
        let words = try decoder.singleValueContainer().decode([UInt64].self)
        guard words.count == 2 else {
            throw IPCError(.decodingFailed, "the id of an actor system has \(words.count) words instead of 2")
        }
        self.init(high: words[0], low: words[1])
    }

    /// Two numbers.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode([high, low])
    }

    /// The number in hexadecimal.
    public var description: String { String(high, radix: 16) + "-" + String(low, radix: 16) }
}

/// Names one distributed actor, wherever it lives. It stays the actor's own: numbers are not used again.
public struct IPCActorID: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The system in whose process the actor lives.
    public let system: ActorSystemID
    package let number: UInt64

    package init(system: ActorSystemID, number: UInt64) {
        self.system = system
        self.number = number
    }

    /// Reads what ``encode(to:)`` wrote.
    public init(from decoder: any Decoder) throws {
        let words = try decoder.singleValueContainer().decode([UInt64].self)
        guard words.count == 3 else {
            throw IPCError(.decodingFailed, "the id of an actor has \(words.count) words instead of 3")
        }
        self.init(system: ActorSystemID(high: words[0], low: words[1]), number: words[2])
    }

    /// Three numbers.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode([system.high, system.low, number])
    }

    /// System and number.
    public var description: String { "actor \(number) of \(system)" }
}

/// How a call of a distributed actor failed, unless its method threw an error that the caller knows.
public struct ActorCallError: DistributedActorSystemError, CustomStringConvertible {
    /// `.peerClosed` when the actor's process is gone, `.unreachable` when there is no connection to it, `.notFound` when the
    /// actor is gone, `.typeMismatch` when the id belongs to an actor of another type, `.timedOut`, `.cancelled`, `.taskFailed`
    /// with the description of an error that the caller does not know, and what ``CallConnection/call(_:until:)`` names.
    public let error: IPCError
    /// How far the call came.
    public let progress: CallProgress

    /// Whether the method may have been started. False: calling again cannot do it twice.
    public var mayHaveBeenDone: Bool { progress != .notStarted }

    /// The error, and what it says about the call.
    public var description: String { "\(error) (the call \(progress))" }

    init(_ error: IPCError, _ progress: CallProgress) {
        self.error = error
        self.progress = progress
    }

    init(_ failure: CallError<Never>) {
        switch failure {
        case .failed(let error, let progress): self.init(error, progress)
        }
    }

    init(_ failure: CallFailure) {
        self.init(failure.error, CallProgress(failure.reach))
    }
}
