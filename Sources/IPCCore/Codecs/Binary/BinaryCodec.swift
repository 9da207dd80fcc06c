/// A compact binary form for any `Codable` value, without Foundation: what ``MessageCodec/binary`` uses.
///
/// - **Compact.** Integers take 1 to 9 bytes whatever their type; arrays of numbers are packed (`[UInt8]` is one block);
///   the names of fields stand once in a message.
/// - **Tolerant.** Fields are found by name: unknown ones are skipped, missing optional ones are nil, and an integer or a
///   float may have become a wider one.
/// - **Checked.** The first byte is the version. Every length is compared with the bytes that are there before anything
///   is allocated, nesting is limited, integers never trap, strings must be UTF-8. Any bytes may be decoded: they give
///   a value or an error.
///
/// `Documentation/WireFormat.md` describes it byte for byte. A message holds less than 4 GiB.
public enum BinaryCodec {
    /// How deep values may be nested, both ways. Each struct, enum, array, dictionary and optional is a level.
    public static let maximumDepth = 128

    /// Appends the binary form of `value` to `buffer`.
    ///
    /// - Throws: `.encodingFailed` when the value, or one in it, refuses to be encoded, is nested too deeply or does not
    ///   fit; the message says where. The buffer is as it was then.
    public static func encode<Value: Encodable>(
        _ value: Value, into buffer: inout MessageBuffer
    ) throws(IPCError) {
        var sink = BinarySinkPool.take()
        defer { BinarySinkPool.give(&sink) }
        let start = buffer.count
        // The sink borrows the caller's memory: what is written is where it shall be.
        swap(&sink.bytes, &buffer)
        defer { swap(&sink.bytes, &buffer) }
        do {
            try sink.encodeMessage(value)
        } catch {
            sink.bytes.truncate(to: start)
            throw encodingError(error, Value.self)
        }
    }

    /// The binary form of `value`. See ``encode(_:into:)``.
    public static func encode<Value: Encodable>(_ value: Value) throws(IPCError) -> [UInt8] {
        var buffer = MessageBuffer()
        try encode(value, into: &buffer)
        return [UInt8](buffer.bytes)
    }

    /// The value of exactly these bytes.
    ///
    /// - Throws: `.decodingFailed` when the bytes are not a `Value` in this form; the message says where, what was
    ///   expected and what was found. `.wrongVersion` when the first byte is another version.
    public static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: RawSpan
    ) throws(IPCError) -> Value {
        try decode(type, from: bytes, userInfo: [:])
    }

    /// The same with what the types of the message may ask their decoder for.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: RawSpan, userInfo: [CodingUserInfoKey: any Sendable]
    ) throws(IPCError) -> Value {
        var source = BinarySourcePool.take()
        defer { BinarySourcePool.give(&source) }
        if !userInfo.isEmpty { source.userInfo = userInfo }
        // SAFETY: the source forgets the bytes before they are gone, so that a decoder that was kept finds none.
        return try unsafe bytes.withUnsafeBytes { (raw: UnsafeRawBufferPointer) throws(IPCError) -> Value in
            unsafe source.open(raw)
            defer { source.close() }
            do {
                return try source.decodeMessage(type)
            } catch {
                throw source.decodingError(error, type)
            }
        }
    }

    /// The value of exactly these bytes.
    public static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8]
    ) throws(IPCError) -> Value {
        try unsafe decode(type, from: bytes.span.bytes)
    }

    private static func encodingError<Value>(_ error: any Error, _ type: Value.Type) -> IPCError {
        switch error {
        case let error as IPCError: error
        case EncodingError.invalidValue(_, let context):
            IPCError(
                .encodingFailed,
                "encode \(type): \(BinaryPath.describe(context.codingPath))\(context.debugDescription)")
        default: IPCError(.encodingFailed, "encode \(type): \(error)")
        }
    }
}

/// Coding paths, as errors and `codingPath` tell them.
enum BinaryPath {
    /// `at jobs[3].name: `, or nothing at the top.
    static func describe(_ path: [any CodingKey]) -> String {
        guard !path.isEmpty else { return "" }
        var text = ""
        for key in path {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
        return "at `\(text)`: "
    }
}

/// A step of a coding path: the name of a field or the index of an element. An index becomes text when it is asked for.
struct BinaryKey: CodingKey {
    private let name: String
    let intValue: Int?

    init(name: String) {
        self.name = name
        intValue = nil
    }

    init(index: Int) {
        name = ""
        intValue = index
    }

    init(stringValue: String) { self.init(name: stringValue) }
    init(intValue: Int) { self.init(index: intValue) }

    var stringValue: String { intValue.map { "\($0)" } ?? name }
}
