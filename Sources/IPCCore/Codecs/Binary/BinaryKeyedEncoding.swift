/// The fields of a value on their way out.
struct BinaryKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    private let sink: BinarySink
    private let stamp: UInt32
    /// The number that the next name will have if the fields come in their usual order.
    private var guess: Int

    /// Names that a program defines are numbered, so that each stands once in a message. Those of a dictionary are data:
    /// they hardly repeat, and stand where they are used. An enum of names is small, a dictionary's key is not.
    private static var isNumbered: Bool { MemoryLayout<Key>.size <= 2 }

    init(sink: BinarySink, stamp: UInt32) {
        self.sink = sink
        self.stamp = stamp
        guess = Self.isNumbered ? sink.keys.firstGuess(for: ObjectIdentifier(Key.self)) : 0
    }

    var codingPath: [any CodingKey] { sink.path }

    private mutating func begin(_ key: Key) throws {
        try sink.beginField(stamp, key.stringValue, isNumbered: Self.isNumbered, guess: &guess)
    }

    mutating func encodeNil(forKey key: Key) throws {
        try begin(key)
        sink.writeNil()
    }

    mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        let start = sink.bytes.count
        try begin(key)
        do {
            try sink.encodeValue(value, key: BinaryKey(name: key.stringValue))
        } catch {
            sink.dropField(from: start)
            throw error
        }
    }

    private mutating func nest(_ name: String) -> (sink: BinarySink, stamp: UInt32) {
        let key = BinaryKey(name: name)
        do {
            try sink.beginField(stamp, name, isNumbered: Self.isNumbered, guess: &guess)
            return sink.nest(key: key)
        } catch {
            return sink.nowhere(key: key)
        }
    }

    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy keyType: NestedKey.Type, forKey key: Key
    ) -> KeyedEncodingContainer<NestedKey> {
        let nested = nest(key.stringValue)
        return BinaryEncoder(sink: nested.sink, stamp: nested.stamp).container(keyedBy: keyType)
    }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        let nested = nest(key.stringValue)
        return BinaryEncoder(sink: nested.sink, stamp: nested.stamp).unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder {
        let nested = nest("super")
        return BinaryEncoder(sink: nested.sink, stamp: nested.stamp)
    }

    mutating func superEncoder(forKey key: Key) -> any Encoder {
        let nested = nest(key.stringValue)
        return BinaryEncoder(sink: nested.sink, stamp: nested.stamp)
    }
}

// Scalars, which need neither a frame nor a place in the path.
extension BinaryKeyedEncoding {
    mutating func encode(_ value: String, forKey key: Key) throws {
        let start = sink.bytes.count
        try begin(key)
        do {
            try sink.write(value)
        } catch {
            sink.dropField(from: start)
            throw error
        }
    }

    mutating func encode(_ value: Bool, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: Double, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: Float, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: Int, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: Int8, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: Int16, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: Int32, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: Int64, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: Int128, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: UInt, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: UInt8, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: UInt16, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: UInt32, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: UInt64, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }

    mutating func encode(_ value: UInt128, forKey key: Key) throws {
        try begin(key)
        sink.write(value)
    }
}
