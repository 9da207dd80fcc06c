/// The decoder that a type's `init(from:)` is given: one value of the message. A value of its own, so that it stays
/// right when it is kept, and handing it over allocates nothing.
struct BinaryDecoder: Decoder {
    let source: BinarySource
    let slot: BinarySlot

    var codingPath: [any CodingKey] { source.path(to: slot.start) }
    var userInfo: [CodingUserInfoKey: Any] { source.userInfo }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try BinaryKeyedDecoding<Key>(source: source, slot: slot))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try BinaryListDecoding(source: source, slot: slot)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }
}

/// A value that stands without a container around it.
extension BinaryDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { source.isNil(slot) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try source.value(type, slot) }

    func decode(_ type: Bool.Type) throws -> Bool { try source.bool(slot) }
    func decode(_ type: String.Type) throws -> String { try source.string(slot) }
    func decode(_ type: Double.Type) throws -> Double { try source.double(slot) }
    func decode(_ type: Float.Type) throws -> Float { try source.float(slot) }
    func decode(_ type: Int.Type) throws -> Int { try source.integer(slot) }
    func decode(_ type: Int8.Type) throws -> Int8 { try source.integer(slot) }
    func decode(_ type: Int16.Type) throws -> Int16 { try source.integer(slot) }
    func decode(_ type: Int32.Type) throws -> Int32 { try source.integer(slot) }
    func decode(_ type: Int64.Type) throws -> Int64 { try source.integer(slot) }
    func decode(_ type: Int128.Type) throws -> Int128 { try source.integer(slot) }
    func decode(_ type: UInt.Type) throws -> UInt { try source.integer(slot) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try source.integer(slot) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try source.integer(slot) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try source.integer(slot) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try source.integer(slot) }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try source.integer(slot) }
}
