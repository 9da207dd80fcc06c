/// The types that ``BinarySink`` and ``BinarySource`` write and read without their own `Codable` code: strings, and
/// arrays of strings and of numbers.
struct BinaryDirectTypes: Sendable {
    /// Looked up once: each identity costs a call.
    static let known = BinaryDirectTypes()

    let string = ObjectIdentifier(String.self)
    let strings = ObjectIdentifier([String].self)
    let bytes = ObjectIdentifier([UInt8].self)
    let int = ObjectIdentifier([Int].self)
    let int8 = ObjectIdentifier([Int8].self)
    let int16 = ObjectIdentifier([Int16].self)
    let int32 = ObjectIdentifier([Int32].self)
    let int64 = ObjectIdentifier([Int64].self)
    let uint = ObjectIdentifier([UInt].self)
    let uint16 = ObjectIdentifier([UInt16].self)
    let uint32 = ObjectIdentifier([UInt32].self)
    let uint64 = ObjectIdentifier([UInt64].self)
    let float = ObjectIdentifier([Float].self)
    let double = ObjectIdentifier([Double].self)

    /// Whether `id` is one of the arrays of numbers.
    func isNumbers(_ id: ObjectIdentifier) -> Bool {
        id == bytes || id == int || id == int8 || id == int16 || id == int32 || id == int64 || id == uint
            || id == uint16 || id == uint32 || id == uint64 || id == float || id == double
    }
}
