/// The header in front of every message on a byte stream: 16 bytes, little-endian, described in
/// `Documentation/WireFormat.md`.
///
/// ```
/// 0   8  length of the payload
/// 8   1  kind: 1 message, 2 end
/// 9   1  flags, zero
/// 10  2  how many descriptors came with it
/// 12  4  type tag, zero unless the two sides agree on something
/// ```
package struct FrameHeader: Equatable {
    package enum Kind: UInt8 {
        case message = 1
        case end = 2
    }

    /// Bytes of an encoded header.
    package static let byteCount = 16

    package var length: UInt64
    package var kind: Kind
    package var descriptorCount: UInt16
    package var typeTag: UInt32

    package init(length: Int, kind: Kind = .message, descriptorCount: Int = 0, typeTag: UInt32 = 0) {
        self.length = UInt64(length)
        self.kind = kind
        self.descriptorCount = UInt16(descriptorCount)
        self.typeTag = typeTag
    }

    /// Writes the header at `offset` of `bytes`, which must have room for it.
    package func write(to bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
        let word = UInt64(kind.rawValue) | UInt64(descriptorCount) << 16 | UInt64(typeTag) << 32
        unsafe bytes.storeBytes(of: length.littleEndian, toByteOffset: offset, as: UInt64.self)
        unsafe bytes.storeBytes(of: word.littleEndian, toByteOffset: offset + 8, as: UInt64.self)
    }

    /// Reads a header from 16 bytes of a peer.
    ///
    /// - Throws: `.messageTooLarge` when the length is above `limit`, `.protocolViolation` when a field has a value that
    ///   this version does not know.
    package init(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(IPCError) {
        let length = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        let word = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: word)), UInt8(truncatingIfNeeded: word >> 8) == 0
        else {
            throw IPCError(.protocolViolation, "receive: the peer sent a frame of an unknown kind; is it this library?")
        }
        guard let announced = Int(exactly: length), announced <= limit else {
            throw IPCError(
                .messageTooLarge,
                "receive: the peer announced a message of \(length) bytes and the limit is \(limit); raise "
                    + "maximumMessageSize on this side if that is meant")
        }
        descriptorCount = UInt16(truncatingIfNeeded: word >> 16)
        // Nobody would receive them.
        guard kind == .message || length == 0 && descriptorCount == 0 else {
            throw IPCError(.protocolViolation, "receive: the peer sent an end that carries bytes or descriptors")
        }
        self.length = length
        self.kind = kind
        typeTag = UInt32(truncatingIfNeeded: word >> 32)
    }
}

/// What each writer sends before its first frame: 16 bytes, so that two programs that do not speak the same protocol find
/// out at once.
///
/// ```
/// 0   8  "swiftIPC"
/// 8   2  version, 1
/// 10  6  zero
/// ```
package enum Hello {
    /// Bytes of an encoded hello.
    package static let byteCount = 16
    package static let version: UInt16 = 1
    /// "swiftIPC" as a little-endian number: as a length it would be beyond every limit, so no frame looks like it.
    package static let magic: UInt64 = 0x4350_4974_6669_7773

    package static func write(to bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
        unsafe bytes.storeBytes(of: magic.littleEndian, toByteOffset: offset, as: UInt64.self)
        unsafe bytes.storeBytes(of: UInt64(version).littleEndian, toByteOffset: offset + 8, as: UInt64.self)
    }

    /// Whether `bytes` (at least 8) begin a hello.
    package static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
        unsafe UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) == magic
    }

    /// Checks the 16 bytes of a hello.
    package static func check(_ bytes: UnsafeRawBufferPointer) throws(IPCError) {
        guard unsafe begins(bytes) else {
            throw IPCError(
                .wrongMagic,
                "receive: the peer does not speak this protocol; where it is a program without this library, take "
                    + "SocketFraming.bytes")
        }
        let rest = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        guard rest == UInt64(version) else {
            throw IPCError(
                .wrongVersion,
                "receive: the peer speaks version \(UInt16(truncatingIfNeeded: rest)) of the protocol and this side "
                    + "speaks \(version); use the same release on both sides")
        }
    }
}
