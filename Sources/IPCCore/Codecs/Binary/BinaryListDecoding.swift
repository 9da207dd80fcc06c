/// The elements of a list, or of a packed array, on their way in.
struct BinaryListDecoding: UnkeyedDecodingContainer {
    private let source: BinarySource
    private let elements: BinaryElements
    /// Where the next element starts.
    private var position: Int
    private(set) var currentIndex = 0

    init(source: BinarySource, slot: BinarySlot) throws {
        self.source = source
        elements = try source.elements(slot)
        position = elements.start
    }

    var codingPath: [any CodingKey] { source.path(to: elements.valueStart) }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    /// Reads the next element and goes on; stays where it is when `read` throws.
    private mutating func next<Value>(
        _ type: Any.Type, _ read: (BinarySource, BinarySlot) throws -> Value
    ) throws -> Value {
        guard !isAtEnd else {
            throw source.missingElement(type, elements, at: currentIndex)
        }
        let element = try source.element(elements, at: position)
        let value = try read(source, element.slot)
        position = element.end
        currentIndex += 1
        return value
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd else { throw source.missingElement(Any?.self, elements, at: currentIndex) }
        let element = try source.element(elements, at: position)
        guard source.isNil(element.slot) else { return false }
        position = element.end
        currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try next(type) { try $0.value(type, $1) }
    }

    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> {
        try next(type) { try BinaryDecoder(source: $0, slot: $0.inner($1)).container(keyedBy: type) }
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try next([Any].self) { try BinaryDecoder(source: $0, slot: $0.inner($1)).unkeyedContainer() }
    }

    mutating func superDecoder() throws -> any Decoder {
        try next(Any.self) { BinaryDecoder(source: $0, slot: try $0.inner($1)) }
    }
}

// Scalars, without the detour over the type's own `init(from:)`.
extension BinaryListDecoding {
    mutating func decode(_ type: Bool.Type) throws -> Bool {
        try next(type) { try $0.bool($1) }
    }

    mutating func decode(_ type: String.Type) throws -> String {
        try next(type) { try $0.string($1) }
    }

    mutating func decode(_ type: Double.Type) throws -> Double {
        try next(type) { try $0.double($1) }
    }

    mutating func decode(_ type: Float.Type) throws -> Float {
        try next(type) { try $0.float($1) }
    }

    mutating func decode(_ type: Int.Type) throws -> Int {
        try next(type) { try $0.integer($1) }
    }

    mutating func decode(_ type: Int8.Type) throws -> Int8 {
        try next(type) { try $0.integer($1) }
    }

    mutating func decode(_ type: Int16.Type) throws -> Int16 {
        try next(type) { try $0.integer($1) }
    }

    mutating func decode(_ type: Int32.Type) throws -> Int32 {
        try next(type) { try $0.integer($1) }
    }

    mutating func decode(_ type: Int64.Type) throws -> Int64 {
        try next(type) { try $0.integer($1) }
    }

    mutating func decode(_ type: Int128.Type) throws -> Int128 {
        try next(type) { try $0.integer($1) }
    }

    mutating func decode(_ type: UInt.Type) throws -> UInt {
        try next(type) { try $0.integer($1) }
    }

    mutating func decode(_ type: UInt8.Type) throws -> UInt8 {
        try next(type) { try $0.integer($1) }
    }

    mutating func decode(_ type: UInt16.Type) throws -> UInt16 {
        try next(type) { try $0.integer($1) }
    }

    mutating func decode(_ type: UInt32.Type) throws -> UInt32 {
        try next(type) { try $0.integer($1) }
    }

    mutating func decode(_ type: UInt64.Type) throws -> UInt64 {
        try next(type) { try $0.integer($1) }
    }

    mutating func decode(_ type: UInt128.Type) throws -> UInt128 {
        try next(type) { try $0.integer($1) }
    }
}
