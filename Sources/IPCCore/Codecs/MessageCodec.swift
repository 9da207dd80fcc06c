/// How messages become bytes and bytes become messages: a value, chosen where a typed channel is made.
///
/// ```swift
/// let jobs = channel.messages(sending: Job.self, receiving: Reply.self, using: .binary)
/// ```
///
/// - `.binary`: any `Codable & Sendable`, compact, checked, tolerant of fields that came or went. The usual choice.
/// - `.plainData`: ``PlainData`` values as they lie in memory. The fastest; same machine and same layout only.
/// - `.bytes`: `[UInt8]` as it is.
/// - `.json`: any `Codable & Sendable` as JSON text, in the module `IPCJSON`.
///
/// A codec of your own is two functions, and is used like the others:
///
/// ```swift
/// extension MessageCodec where Inbound == Frame, Outbound == Frame {
///     static var frames: MessageCodec {
///         MessageCodec(
///             encode: { (frame: Frame, buffer: inout MessageBuffer) throws(IPCError) in … },
///             decode: { (bytes: RawSpan) throws(IPCError) -> Frame in … })
///     }
/// }
/// ```
///
/// A one-way channel takes a codec whose two types are the same.
public struct MessageCodec<Inbound: Sendable, Outbound: Sendable>: Sendable {
    /// Appends a message to a buffer. Throws `.encodingFailed`.
    public typealias Encode = @Sendable (_ message: Outbound, _ buffer: inout MessageBuffer) throws(IPCError) -> Void

    /// Makes a message of exactly these bytes, which come from the peer: any bytes may come, and none may crash.
    /// Throws `.decodingFailed`.
    public typealias Decode = @Sendable (_ bytes: RawSpan) throws(IPCError) -> Inbound

    let encodeMessage: Encode
    let decodeMessage: Decode

    /// A codec of two functions.
    public init(encode: @escaping Encode, decode: @escaping Decode) {
        encodeMessage = encode
        decodeMessage = decode
    }

    /// Appends `message` to `buffer`.
    ///
    /// - Throws: `.encodingFailed`; the buffer may then hold a part of the message.
    public func encode(_ message: Outbound, into buffer: inout MessageBuffer) throws(IPCError) {
        try encodeMessage(message, &buffer)
    }

    /// Makes a message of exactly these bytes.
    ///
    /// - Throws: `.decodingFailed` when they are not such a message.
    public func decode(_ bytes: RawSpan) throws(IPCError) -> Inbound {
        try decodeMessage(bytes)
    }
}

extension MessageCodec where Inbound == [UInt8], Outbound == [UInt8] {
    /// Bytes as they are.
    public static var bytes: MessageCodec {
        MessageCodec(
            encode: { (message: [UInt8], buffer: inout MessageBuffer) throws(IPCError) in
                unsafe buffer.append(message.span.bytes)
            },
            decode: { (bytes: RawSpan) throws(IPCError) -> [UInt8] in [UInt8](bytes) })
    }
}

extension MessageCodec where Inbound: PlainData, Outbound: PlainData {
    /// Values as they lie in memory, their padding zeroed. See ``PlainData`` for what that asks of the type.
    ///
    /// A message of another size than the type's is `.decodingFailed`.
    public static var plainData: MessageCodec {
        let padding = PlainDataLayout.padding(of: Outbound.self)
        return MessageCodec(
            encode: { (message: Outbound, buffer: inout MessageBuffer) throws(IPCError) in
                buffer.append(plainData: message, padding: padding)
            },
            decode: { (bytes: RawSpan) throws(IPCError) -> Inbound in
                guard bytes.byteCount == MemoryLayout<Inbound>.size else {
                    throw IPCError(
                        .decodingFailed,
                        "decode \(Inbound.self): expected its \(MemoryLayout<Inbound>.size) bytes, "
                            + "found \(bytes.byteCount); both sides must be built with the same type")
                }
                // SAFETY: the size is right, and every bit pattern of plain data is a value.
                return unsafe bytes.unsafeLoadUnaligned(as: Inbound.self)
            })
    }
}

extension MessageCodec where Inbound: Codable, Outbound: Codable {
    /// The compact binary form of any `Codable` value. See ``BinaryCodec``.
    public static var binary: MessageCodec {
        MessageCodec(
            encode: { (message: Outbound, buffer: inout MessageBuffer) throws(IPCError) in
                try BinaryCodec.encode(message, into: &buffer)
            },
            decode: { (bytes: RawSpan) throws(IPCError) -> Inbound in
                try BinaryCodec.decode(Inbound.self, from: bytes)
            })
    }
}
