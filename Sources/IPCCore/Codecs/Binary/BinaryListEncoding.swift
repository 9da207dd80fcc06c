/// The elements of a list on their way out.
struct BinaryListEncoding: UnkeyedEncodingContainer {
    private let sink: BinarySink
    private let stamp: UInt32

    init(sink: BinarySink, stamp: UInt32) {
        self.sink = sink
        self.stamp = stamp
    }

    var codingPath: [any CodingKey] { sink.path }
    var count: Int { sink.elementCount(stamp) }

    func encodeNil() throws {
        try sink.beginElement(stamp)
        sink.writeNil()
    }

    func encode<Value: Encodable>(_ value: Value) throws {
        let index = try sink.beginElement(stamp)
        do {
            try sink.encodeValue(value, key: BinaryKey(index: index))
        } catch {
            sink.dropElement()
            throw error
        }
    }

    private func nest() -> (sink: BinarySink, stamp: UInt32) {
        let key = BinaryKey(index: count)
        do {
            try sink.beginElement(stamp)
            return sink.nest(key: key)
        } catch {
            return sink.nowhere(key: key)
        }
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy keyType: NestedKey.Type
    ) -> KeyedEncodingContainer<NestedKey> {
        let nested = nest()
        return BinaryEncoder(sink: nested.sink, stamp: nested.stamp).container(keyedBy: keyType)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        let nested = nest()
        return BinaryEncoder(sink: nested.sink, stamp: nested.stamp).unkeyedContainer()
    }

    func superEncoder() -> any Encoder {
        let nested = nest()
        return BinaryEncoder(sink: nested.sink, stamp: nested.stamp)
    }
}

// Scalars, which need neither a frame nor a place in the path.
extension BinaryListEncoding {
    func encode(_ value: String) throws {
        try sink.beginElement(stamp)
        do {
            try sink.write(value)
        } catch {
            sink.dropElement()
            throw error
        }
    }

    func encode(_ value: Bool) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: Double) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: Float) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: Int) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: Int8) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: Int16) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: Int32) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: Int64) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: Int128) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: UInt) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: UInt8) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: UInt16) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: UInt32) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: UInt64) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }

    func encode(_ value: UInt128) throws {
        try sink.beginElement(stamp)
        sink.write(value)
    }
}
