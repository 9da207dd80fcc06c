/// The encoder that a value's `encode(to:)` is given: it opens the containers. A value of its own, so that handing it
/// over allocates nothing.
struct BinaryEncoder: Encoder {
    let sink: BinarySink
    let stamp: UInt32

    var codingPath: [any CodingKey] { sink.path }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        sink.beginKeyed(stamp)
        return KeyedEncodingContainer(BinaryKeyedEncoding<Key>(sink: sink, stamp: stamp))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        sink.beginList(stamp)
        return BinaryListEncoding(sink: sink, stamp: stamp)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }
}

/// A value that is written without a container around it.
extension BinaryEncoder: SingleValueEncodingContainer {
    func encodeNil() throws {
        try sink.beginSingle(stamp)
        sink.writeNil()
    }

    func encode<Value: Encodable>(_ value: Value) throws {
        try sink.beginSingle(stamp)
        try sink.encodeValue(value, key: nil)
    }

    func encode(_ value: Bool) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: String) throws {
        try sink.beginSingle(stamp)
        try sink.write(value)
    }

    func encode(_ value: Double) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: Float) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: Int) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: Int8) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: Int16) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: Int32) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: Int64) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: Int128) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: UInt) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: UInt8) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: UInt16) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: UInt32) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: UInt64) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }

    func encode(_ value: UInt128) throws {
        try sink.beginSingle(stamp)
        sink.write(value)
    }
}
