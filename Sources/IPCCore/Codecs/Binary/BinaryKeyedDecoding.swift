/// The fields of a value on their way in, found by name.
struct BinaryKeyedDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let source: BinarySource
    private let fields: BinaryFields

    init(source: BinarySource, slot: BinarySlot) throws {
        self.source = source
        fields = try source.fields(slot)
    }

    var codingPath: [any CodingKey] { source.path(to: fields.start) }

    var allKeys: [Key] { source.keys(fields) }

    func contains(_ key: Key) -> Bool { source.contains(key.stringValue, fields) }

    private func slot(_ key: Key) throws -> BinarySlot {
        try source.field(key.stringValue, fields, missing: key)
    }

    /// The value of the field; nil when it is missing or nil.
    private func slotIfPresent(_ key: Key) throws -> BinarySlot? {
        guard let slot = try source.find(key.stringValue, fields), !source.isNil(slot) else { return nil }
        return slot
    }

    func decodeNil(forKey key: Key) throws -> Bool { source.isNil(try slot(key)) }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try source.value(type, slot(key))
    }

    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        guard let slot = try slotIfPresent(key) else { return nil }
        return try source.value(type, slot)
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        try BinaryDecoder(source: source, slot: source.inner(slot(key))).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try BinaryDecoder(source: source, slot: source.inner(slot(key))).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder {
        let slot = try source.field("super", fields, missing: BinaryKey(name: "super"))
        return BinaryDecoder(source: source, slot: try source.inner(slot))
    }

    func superDecoder(forKey key: Key) throws -> any Decoder {
        BinaryDecoder(source: source, slot: try source.inner(slot(key)))
    }
}

// Scalars, without the detour over the type's own `init(from:)`.
extension BinaryKeyedDecoding {
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
        try source.bool(slot(key))
    }

    func decode(_ type: String.Type, forKey key: Key) throws -> String {
        try source.string(slot(key))
    }

    func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
        try source.double(slot(key))
    }

    func decode(_ type: Float.Type, forKey key: Key) throws -> Float {
        try source.float(slot(key))
    }

    func decode(_ type: Int.Type, forKey key: Key) throws -> Int {
        try source.integer(slot(key))
    }

    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 {
        try source.integer(slot(key))
    }

    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 {
        try source.integer(slot(key))
    }

    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 {
        try source.integer(slot(key))
    }

    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 {
        try source.integer(slot(key))
    }

    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 {
        try source.integer(slot(key))
    }

    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt {
        try source.integer(slot(key))
    }

    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 {
        try source.integer(slot(key))
    }

    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 {
        try source.integer(slot(key))
    }

    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 {
        try source.integer(slot(key))
    }

    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 {
        try source.integer(slot(key))
    }

    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 {
        try source.integer(slot(key))
    }
}

// Optional scalars: one search instead of three.
extension BinaryKeyedDecoding {
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
        try slotIfPresent(key).map { try source.bool($0) }
    }

    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
        try slotIfPresent(key).map { try source.string($0) }
    }

    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? {
        try slotIfPresent(key).map { try source.double($0) }
    }

    func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? {
        try slotIfPresent(key).map { try source.float($0) }
    }

    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? {
        try slotIfPresent(key).map { try source.integer($0) }
    }

    func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? {
        try slotIfPresent(key).map { try source.integer($0) }
    }

    func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? {
        try slotIfPresent(key).map { try source.integer($0) }
    }

    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? {
        try slotIfPresent(key).map { try source.integer($0) }
    }

    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? {
        try slotIfPresent(key).map { try source.integer($0) }
    }

    func decodeIfPresent(_ type: Int128.Type, forKey key: Key) throws -> Int128? {
        try slotIfPresent(key).map { try source.integer($0) }
    }

    func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? {
        try slotIfPresent(key).map { try source.integer($0) }
    }

    func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? {
        try slotIfPresent(key).map { try source.integer($0) }
    }

    func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? {
        try slotIfPresent(key).map { try source.integer($0) }
    }

    func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? {
        try slotIfPresent(key).map { try source.integer($0) }
    }

    func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? {
        try slotIfPresent(key).map { try source.integer($0) }
    }

    func decodeIfPresent(_ type: UInt128.Type, forKey key: Key) throws -> UInt128? {
        try slotIfPresent(key).map { try source.integer($0) }
    }
}
