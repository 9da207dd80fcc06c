/// What the requests of this module hold. See "Calls" in `Documentation/WireFormat.md`.
enum CallPayload {
    /// The `method` of a request by name: the length of the name (2 bytes), the name, the value.
    static let named: UInt32 = 1
    /// The `method` of a call of a distributed actor.
    static let actor: UInt32 = 2

    static let maximumNameSize = 1024

    static func encode<Value: Encodable>(_ name: String, _ value: Value) throws(IPCError) -> [UInt8] {
        let name = Array(name.utf8)
        guard !name.isEmpty, name.count <= maximumNameSize else {
            throw IPCError(
                .invalidArgument, "the name of a call has \(name.count) bytes; 1 to \(maximumNameSize) are possible")
        }
        var buffer = MessageBuffer()
        buffer.append(littleEndian: UInt16(name.count))
        unsafe buffer.append(name.span.bytes)
        try BinaryCodec.encode(value, into: &buffer)
        return [UInt8](buffer.bytes)
    }

    /// The name, and where the value begins.
    ///
    /// - Returns: nil for bytes that no caller of this module sends.
    static func name(of payload: [UInt8]) -> (name: String, offset: Int)? {
        guard payload.count >= 2 else { return nil }
        let length = Int(payload[0]) | Int(payload[1]) << 8
        guard length > 0, length <= maximumNameSize, payload.count >= 2 + length else { return nil }
        guard let name = String(validating: payload[2..<2 + length], as: UTF8.self) else { return nil }
        return (name, 2 + length)
    }

    static func decode<Value: Decodable>(
        _ type: Value.Type, from payload: [UInt8], at offset: Int
    ) throws(IPCError) -> Value {
        try unsafe BinaryCodec.decode(type, from: payload.span.bytes.extracting(offset..<payload.count))
    }
}

/// What each side says at the start, behind the multiplexer's own hello.
struct CallGreeting: Codable, Sendable, Equatable {
    /// What the two sides speak.
    var interface: String
    /// The distributed actors' system of the sender, if it has one.
    var system: ActorSystemID?
}
