/// A question that another process answers once: a value that is encoded, sent, and given to a handler there.
///
/// ```swift
/// struct Greet: CallRequest {
///     typealias Reply = String
///     var name: String
/// }
///
/// // In the process that answers:
/// handlers.on(Greet.self) { request, _ in "Hello, \(request.name)" }
/// // In the process that asks:
/// let greeting = try await connection.call(Greet(name: "Ada"), until: .after(.seconds(1)))
/// ```
public protocol CallRequest: Codable, Sendable {
    /// What the handler gives back.
    associatedtype Reply: Codable & Sendable
    /// The error of the handler that arrives at the caller as itself, `CallError.thrown`. The default is `Never`: all that a
    /// handler throws then arrives as `CallError.failed`.
    associatedtype Failure: Error & Codable & Sendable = Never

    /// The name by which both sides know this request. The default is the full name of the type, so two programs that
    /// have the type in different modules give a name of their own. At most 1,024 bytes.
    static var callName: String { get }

    /// Whether doing it twice is as good as doing it once, so that ``CallConnector`` may ask again where it is not known
    /// whether the first one was done. The default is no.
    static var isIdempotent: Bool { get }
}

/// A question that another process answers with any number of items, one after another.
///
/// ```swift
/// struct Tail: StreamRequest {
///     typealias Item = String
///     var path: String
/// }
///
/// handlers.on(Tail.self) { request, lines, _ in
///     for try await line in follow(request.path) { try await lines.send(line) }
/// }
/// for try await line in try connection.stream(Tail(path: "/var/log/syslog")) { print(line) }
/// ```
public protocol StreamRequest: Codable, Sendable {
    /// What the handler sends, any number of times.
    associatedtype Item: Codable & Sendable
    /// The error of the handler that arrives at the caller as itself. See ``CallRequest/Failure``.
    associatedtype Failure: Error & Codable & Sendable = Never

    /// See ``CallRequest/callName``.
    static var callName: String { get }
}

extension CallRequest {
    /// The full name of the type.
    public static var callName: String { String(reflecting: Self.self) }

    /// At most once.
    public static var isIdempotent: Bool { false }
}

extension StreamRequest {
    /// The full name of the type.
    public static var callName: String { String(reflecting: Self.self) }
}

/// The reply to a request that only says that it is done. Its handler returns nothing:
/// `handlers.on(Forget.self) { request, _ in try await database.forget(request.key) }`.
public struct NoReply: Codable, Sendable, Hashable {
    /// Done.
    public init() {}

    /// Takes nothing.
    public init(from decoder: any Decoder) throws {
        guard try decoder.singleValueContainer().decode(UInt8.self) == 0 else {
            throw IPCError(.decodingFailed, "a reply without content has some")
        }
    }

    /// Writes nothing but that there is a reply.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(UInt8(0))
    }
}
