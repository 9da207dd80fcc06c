/// The types that generic methods are called with from other processes.
///
/// A name that a peer sends is looked up here and nowhere else: the runtime would make any type that it is told of, never frees
/// one, and takes for ever to look whether a deeply nested one conforms to a protocol.
struct GenericTypes: Sendable {
    private static let always: [any (Codable & Sendable).Type] = [
        Bool.self, String.self, Float.self, Double.self, Int.self, Int8.self, Int16.self, Int32.self, Int64.self,
        UInt.self, UInt8.self, UInt16.self, UInt32.self, UInt64.self,
    ]

    private let types: [String: any (Codable & Sendable).Type]

    init(_ types: [any (Codable & Sendable).Type]) {
        let all = (Self.always + types).map { (ThrownTypes.name(of: $0), $0) }
        self.types = Dictionary(all, uniquingKeysWith: { first, _ in first })
    }

    func type(named name: String) throws(IPCError) -> any Any.Type {
        guard let type = types[name] else {
            throw IPCError(
                .decodingFailed,
                "a generic method is called with a type that is not among the genericTypes of this actor system",
                object: name)
        }
        return type
    }
}

/// The errors of distributed methods that arrive as themselves.
struct ThrownTypes: Sendable {
    private let types: [String: any (Error & Codable & Sendable).Type]

    init(_ types: [any (Error & Codable & Sendable).Type]) {
        self.types = Dictionary(types.map { (Self.name(of: $0), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// A name that is the same in every process that has the type.
    static func name(of type: any Any.Type) -> String { _mangledTypeName(type) ?? String(reflecting: type) }

    func error(_ failure: CallFailure, _ userInfo: [CodingUserInfoKey: any Sendable]) -> any Error {
        guard let type = types[failure.typeName], let error = decode(type, failure.payload, userInfo) else {
            return ActorCallError(failure)
        }
        return error
    }

    private func decode<Thrown: Error & Decodable>(
        _ type: Thrown.Type, _ payload: [UInt8], _ userInfo: [CodingUserInfoKey: any Sendable]
    ) -> (any Error)? {
        unsafe try? BinaryCodec.decode(type, from: payload.span.bytes, userInfo: userInfo)
    }
}
