/// Where one value of a message lies, as far as it is known before it is read.
struct BinarySlot {
    /// The offset of its tag, or of the number itself in a packed array.
    private let offset: UInt32
    private let end: UInt32
    /// The tag of the elements of the packed array that it is in; 0 when it has its own.
    let packedTag: UInt8
    /// How many values are around it.
    let depth: UInt8

    init(start: Int, limit: Int, packedTag: UInt8 = 0, depth: Int) {
        offset = UInt32(truncatingIfNeeded: start)
        end = UInt32(truncatingIfNeeded: limit)
        self.packedTag = packedTag
        self.depth = UInt8(truncatingIfNeeded: depth)
    }

    var start: Int { Int(offset) }
    /// Where the value around it ends: it must not reach further.
    var limit: Int { Int(end) }
}

/// The bytes of a message while it is decoded, and every read of them: each is checked against the end of the value
/// that it belongs to. The bytes may be anything.
///
/// A source is used by one decoding at a time; ``BinarySourcePool`` sees to it.
@safe
final class BinarySource {
    struct Name {
        let start: Int
        let count: Int
    }

    /// Where the search for the next field of a container starts. `stamp` tells whose it is.
    struct Cursor {
        let stamp: UInt32
        var offset: UInt32
    }

    // SAFETY: valid from `open` to `close`, which sets `count` to 0, and no read goes beyond `count`.
    @exclusivity(unchecked) private var base: UnsafeRawPointer?
    @safe @exclusivity(unchecked) private var count = 0
    @safe @exclusivity(unchecked) private(set) var rootEnd = 0
    @safe @exclusivity(unchecked) private(set) var names: [Name] = []
    @safe @exclusivity(unchecked) var cursors: [Cursor] = []
    @safe @exclusivity(unchecked) var lastStamp: UInt32 = 0
    /// What the types of the message may ask their decoder for.
    @safe @exclusivity(unchecked) var userInfo: [CodingUserInfoKey: any Sendable] = [:]
    /// What was thrown last, with its place. Paths are only worked out for errors that leave the codec: types that try
    /// one form after the other throw often.
    @safe @exclusivity(unchecked) var lastFailure: BinaryFailure?
    /// What a function that cannot throw found.
    @safe @exclusivity(unchecked) var latentError: DecodingError?

    @unsafe
    func open(_ bytes: UnsafeRawBufferPointer) {
        unsafe base = bytes.baseAddress
        count = unsafe base == nil ? 0 : bytes.count
    }

    func close() {
        unsafe base = nil
        count = 0
        rootEnd = 0
        names.removeAll(keepingCapacity: names.count <= 256)
        cursors.removeAll(keepingCapacity: cursors.count <= 256)
        lastFailure = nil
        latentError = nil
        if !userInfo.isEmpty { userInfo = [:] }
    }

    /// Reads a whole message: version, value, names, and nothing behind them.
    func decodeMessage<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard count <= Int(UInt32.max) else { throw corrupted("the message takes more than 4 GiB", at: 0) }
        guard count > 0 else { throw corrupted("expected a version, found an empty message", at: 0) }
        let version = try load(UInt8.self, at: 0, limit: count)
        guard version == BinaryTag.version else {
            throw IPCError(
                .wrongVersion,
                "decode \(type): the message has version \(version) of the binary form and this library reads version "
                    + "\(BinaryTag.version); use the same version of the library on both sides")
        }
        rootEnd = try end(ofValueAt: 1, limit: count)
        try readNames()
        let result = try value(type, BinarySlot(start: 1, limit: rootEnd, depth: 0))
        if let latentError { throw latentError }
        return result
    }

    private func readNames() throws {
        guard rootEnd < count else { return }
        var position = rootEnd
        let nameCount = try variableLength(at: &position, limit: count)
        // Each name takes a byte at least, so the count is checked before room is made for it.
        guard nameCount <= count - position else {
            throw corrupted("\(nameCount) names are announced in \(count - position) bytes", at: rootEnd)
        }
        names.reserveCapacity(nameCount)
        for _ in 0..<nameCount {
            let length = try variableLength(at: &position, limit: count)
            guard length <= count - position else {
                throw corrupted("a name of \(length) bytes is announced in \(count - position) bytes", at: position)
            }
            names.append(Name(start: position, count: length))
            position += length
        }
        guard position == count else { throw corrupted("\(count - position) bytes follow the message", at: position) }
    }

    // MARK: Reading

    @inline(__always)
    func load<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, at offset: Int, limit: Int
    ) throws -> Value {
        guard let base = unsafe base, limit <= count, offset >= 0, limit - offset >= MemoryLayout<Value>.size else {
            throw cut(at: offset, limit: limit)
        }
        // SAFETY: checked just above; integers have no invalid bits.
        return Value(littleEndian: unsafe base.loadUnaligned(fromByteOffset: offset, as: type))
    }

    /// The tag of a value; `null` for a decoder that was kept longer than its message.
    @inline(__always)
    func peek(_ offset: Int) -> UInt8 {
        guard let base = unsafe base, offset >= 0, offset < count else { return BinaryTag.null }
        return unsafe base.load(fromByteOffset: offset, as: UInt8.self)
    }

    /// Lets `body` see `length` bytes.
    @inline(__always)
    func withBytes<Result>(
        at offset: Int, count length: Int, limit: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) throws -> Result {
        guard let base = unsafe base, limit <= count, offset >= 0, length >= 0, limit - offset >= length else {
            throw cut(at: offset, limit: limit)
        }
        // SAFETY: checked just above.
        let start = unsafe (base + offset).assumingMemoryBound(to: UInt8.self)
        return try unsafe body(UnsafeBufferPointer(start: start, count: length))
    }

    /// A number in groups of seven bits: at most five of them, and not above 32 bits.
    @inline(__always)
    func variableLength(at position: inout Int, limit: Int) throws -> Int {
        let first = try load(UInt8.self, at: position, limit: limit)
        position += 1
        return first < 0x80 ? Int(first) : try longVariableLength(first, at: &position, limit: limit)
    }

    private func longVariableLength(_ first: UInt8, at position: inout Int, limit: Int) throws -> Int {
        var value = UInt64(first & 0x7F)
        for shift in stride(from: UInt64(7), through: 28, by: 7) {
            let byte = try load(UInt8.self, at: position, limit: limit)
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            guard byte >= 0x80 else {
                guard value <= UInt64(UInt32.max) else { break }
                return Int(value)
            }
        }
        throw corrupted("a number of more than 32 bits stands for a length", at: position)
    }

    /// Where the value at `offset` ends, by its own header: not what is in it.
    @inline(__always)
    func end(ofValueAt offset: Int, limit: Int) throws -> Int {
        let tag = try load(UInt8.self, at: offset, limit: limit)
        switch tag {
        case 0x00...0x7F, BinaryTag.firstNegative...0xFF, BinaryTag.null, BinaryTag.no, BinaryTag.yes:
            return offset + 1
        case BinaryTag.shortString..<BinaryTag.null:
            return try end(offset + 1, Int(tag & 0x3F), limit)
        default:
            return try end(ofLongValueAt: offset, tag, limit: limit)
        }
    }

    private func end(ofLongValueAt offset: Int, _ tag: UInt8, limit: Int) throws -> Int {
        if let width = BinaryTag.width(ofNumber: tag) { return try end(offset + 1, width, limit) }
        switch tag {
        case BinaryTag.string8, BinaryTag.keyed8:
            return try end(offset + 2, Int(load(UInt8.self, at: offset + 1, limit: limit)), limit)
        case BinaryTag.string32, BinaryTag.keyed32:
            return try end(offset + 5, Int(load(UInt32.self, at: offset + 1, limit: limit)), limit)
        case BinaryTag.packed8:
            return try end(offset + 3, Int(load(UInt8.self, at: offset + 2, limit: limit)), limit)
        case BinaryTag.packed32:
            return try end(offset + 6, Int(load(UInt32.self, at: offset + 2, limit: limit)), limit)
        case BinaryTag.list8:
            return try end(offset + 3, Int(load(UInt8.self, at: offset + 1, limit: limit)), limit)
        case BinaryTag.list32:
            return try end(offset + 9, Int(load(UInt32.self, at: offset + 1, limit: limit)), limit)
        default:
            throw corrupted("expected a value, found \(BinaryTag.describe(tag))", at: offset)
        }
    }

    @inline(__always)
    private func end(_ start: Int, _ length: Int, _ limit: Int) throws -> Int {
        guard start <= limit, length <= limit - start else {
            throw corrupted(
                "a value of \(length) bytes is announced where \(max(limit - start, 0)) are left", at: start)
        }
        return start + length
    }
}
