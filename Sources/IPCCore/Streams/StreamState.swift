/// What a receiver knows beside its descriptors, for the process that goes on with it: bytes that were read and not
/// delivered among them. 40 bytes and those.
///
/// ```
/// 0   1  version, 1
/// 1   1  0x52 (receiver)
/// 2   1  framing: 0 none, 1 frames, 2 frames from many writers
/// 3   1  bit 0: the peer has finished; bit 1: a FIFO that may lack its first writer
/// 4   4  most descriptors in a message
/// 8   8  largest message
/// 16  8  hellos seen
/// 24  8  ends seen
/// 32  8  bytes that follow
/// ```
struct StreamReceiverState {
    static let byteCount = 40
    static let kind: UInt8 = 0x52

    var options: StreamOptions
    var hasFinished: Bool
    var mayLackWriter: Bool
    var helloCount: Int
    var endCount: Int
    var bytes: [UInt8]

    var encoded: [UInt8] {
        var result = [1, Self.kind, options.framing.code, (hasFinished ? 1 : 0) | (mayLackWriter ? 2 : 0)] as [UInt8]
        result.append(number: UInt64(options.maximumDescriptors), byteCount: 4)
        for value in [options.maximumMessageSize, helloCount, endCount, bytes.count] {
            result.append(number: UInt64(value), byteCount: 8)
        }
        return result + bytes
    }

    /// - Throws: `.decodingFailed` when `state` is nothing that `encoded` makes.
    init(decoding state: [UInt8]) throws(IPCError) {
        guard state.count >= Self.byteCount, state[0] == 1, state[1] == Self.kind, state[3] <= 3,
            let framing = StreamFraming(code: state[2]),
            let maximumMessageSize = Int(exactly: state.number(at: 8, byteCount: 8)),
            let helloCount = Int32(exactly: state.number(at: 16, byteCount: 8)),
            let endCount = Int32(exactly: state.number(at: 24, byteCount: 8)),
            state.number(at: 32, byteCount: 8) == UInt64(state.count - Self.byteCount)
        else { throw IPCError(.decodingFailed, "receive a channel end: this is not the state of a receiving end") }
        options = StreamOptions(
            framing: framing, maximumMessageSize: maximumMessageSize,
            maximumDescriptors: min(Int(state.number(at: 4, byteCount: 4)), 253))
        hasFinished = state[3] & 1 != 0
        mayLackWriter = state[3] & 2 != 0
        self.helloCount = Int(helloCount)
        self.endCount = Int(endCount)
        bytes = Array(state[Self.byteCount...])
    }

    init(
        options: StreamOptions, hasFinished: Bool, mayLackWriter: Bool, helloCount: Int, endCount: Int, bytes: [UInt8]
    ) {
        self.options = options
        self.hasFinished = hasFinished
        self.mayLackWriter = mayLackWriter
        self.helloCount = helloCount
        self.endCount = endCount
        self.bytes = bytes
    }
}

/// What a sender knows beside its descriptor: 16 bytes.
///
/// ```
/// 0   1  version, 1
/// 1   1  0x57 (sender)
/// 2   1  framing, as of a receiver
/// 3   1  1: the hello has not been sent
/// 4   4  most descriptors in a message
/// 8   8  largest message
/// ```
struct StreamSenderState {
    static let byteCount = 16
    static let kind: UInt8 = 0x57

    var options: StreamOptions
    var needsHello: Bool

    var encoded: [UInt8] {
        var result = [1, Self.kind, options.framing.code, needsHello ? 1 : 0] as [UInt8]
        result.append(number: UInt64(options.maximumDescriptors), byteCount: 4)
        result.append(number: UInt64(options.maximumMessageSize), byteCount: 8)
        return result
    }

    /// - Throws: `.decodingFailed` when `state` is nothing that `encoded` makes.
    init(decoding state: [UInt8]) throws(IPCError) {
        guard state.count == Self.byteCount, state[0] == 1, state[1] == Self.kind, state[3] <= 1,
            let framing = StreamFraming(code: state[2]),
            let maximumMessageSize = Int(exactly: state.number(at: 8, byteCount: 8))
        else { throw IPCError(.decodingFailed, "receive a channel end: this is not the state of a sending end") }
        options = StreamOptions(
            framing: framing, maximumMessageSize: maximumMessageSize,
            maximumDescriptors: min(Int(state.number(at: 4, byteCount: 4)), 253))
        needsHello = state[3] == 1
    }

    init(options: StreamOptions, needsHello: Bool) {
        self.options = options
        self.needsHello = needsHello
    }
}

extension StreamOptions {
    /// What somebody else says of a stream that this process takes over with both directions, as far as `limits` go.
    ///
    /// - Throws: `.decodingFailed` for the framing of a pipe with many writers, which has one direction.
    func within(_ limits: StreamOptions) throws(IPCError) -> StreamOptions {
        guard framing != .framesFromManyWriters else {
            throw IPCError(.decodingFailed, "receive a channel end: many writers share pipes alone")
        }
        return StreamOptions(
            framing: framing, maximumMessageSize: min(maximumMessageSize, limits.maximumMessageSize),
            maximumDescriptors: min(maximumDescriptors, limits.maximumDescriptors))
    }
}

extension StreamFraming {
    fileprivate var code: UInt8 {
        switch self {
        case .none: 0
        case .frames: 1
        case .framesFromManyWriters: 2
        }
    }

    fileprivate init?(code: UInt8) {
        switch code {
        case 0: self = .none
        case 1: self = .frames
        case 2: self = .framesFromManyWriters
        default: return nil
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(number: UInt64, byteCount: Int) {
        for index in 0..<byteCount { append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index))) }
    }

    fileprivate func number(at offset: Int, byteCount: Int) -> UInt64 {
        self[offset..<offset + byteCount].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
