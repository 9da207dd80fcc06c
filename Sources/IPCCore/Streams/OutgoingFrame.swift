import IPCSystem

/// A frame on its way out: what stands in front of the payload, and the payload where the caller has it.
@safe
struct OutgoingFrame: ~Copyable {
    /// Up to this size a frame is laid out on the stack and written in one piece; above, the kernel gathers two pieces.
    private static let inlineSize = 1024
    private static let largestPrefix = Hello.byteCount + FrameHeader.byteCount

    private let payload: UnsafeRawBufferPointer
    private let header: FrameHeader?
    private let needsHello: Bool
    private let descriptors: [Int32]
    /// Bytes in front of the payload.
    private let prefixCount: Int
    /// Bytes in all.
    let byteCount: Int

    init(
        _ payload: UnsafeRawBufferPointer, _ typeTag: UInt32, _ descriptors: [Int32], framing: StreamFraming,
        needsHello: Bool
    ) {
        let header =
            framing == .none
            ? nil : FrameHeader(length: payload.count, descriptorCount: descriptors.count, typeTag: typeTag)
        unsafe self.init(payload, header, needsHello, descriptors)
    }

    /// The end of a stream.
    init(endWithHello needsHello: Bool) {
        let nothing = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        unsafe self.init(nothing, FrameHeader(length: 0, kind: .end), needsHello, [])
    }

    private init(_ payload: UnsafeRawBufferPointer, _ header: FrameHeader?, _ needsHello: Bool, _ descriptors: [Int32])
    {
        unsafe self.payload = payload
        self.header = header
        self.needsHello = needsHello
        self.descriptors = descriptors
        prefixCount = (needsHello ? Hello.byteCount : 0) + (header == nil ? 0 : FrameHeader.byteCount)
        byteCount = prefixCount + payload.count
    }

    private func writePrefix(_ bytes: UnsafeMutableRawBufferPointer) {
        if needsHello { unsafe Hello.write(to: bytes, at: 0) }
        if let header { unsafe header.write(to: bytes, at: prefixCount - FrameHeader.byteCount) }
    }

    /// One write of what follows the first `offset` bytes: nil when there is no room.
    func write(to stream: StreamDescriptor, from offset: Int) throws(SystemCallError) -> Int? {
        if byteCount == 0 { return 0 }
        if offset >= prefixCount {
            return try unsafe stream.write(UnsafeRawBufferPointer(rebasing: payload[(offset - prefixCount)...]))
        }
        if byteCount > Self.inlineSize || !descriptors.isEmpty { return try writeInPieces(to: stream, from: offset) }
        return try unsafe withUnsafeTemporaryAllocation(byteCount: Self.inlineSize, alignment: 16) {
            bytes throws(SystemCallError) -> Int? in
            unsafe writePrefix(bytes)
            if unsafe payload.count > 0 {
                unsafe (bytes.baseAddress! + prefixCount).copyMemory(
                    from: payload.baseAddress!, byteCount: payload.count)
            }
            return try unsafe stream.write(UnsafeRawBufferPointer(rebasing: bytes[offset..<byteCount]))
        }
    }

    private func writeInPieces(to stream: StreamDescriptor, from offset: Int) throws(SystemCallError) -> Int? {
        try unsafe withUnsafeTemporaryAllocation(byteCount: Self.largestPrefix, alignment: 16) {
            bytes throws(SystemCallError) -> Int? in
            unsafe writePrefix(bytes)
            let prefix = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<prefixCount])
            // Descriptors travel with the first byte.
            if offset == 0 && !descriptors.isEmpty {
                return try unsafe SocketCalls.send(stream.number, prefix, payload, descriptors: descriptors)
            }
            return try unsafe stream.write(prefix, payload)
        }
    }

    /// The bytes after the first `offset`, which is beyond the descriptors.
    func copy(from offset: Int) -> [UInt8] {
        var bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            unsafe writePrefix(UnsafeMutableRawBufferPointer(buffer))
            unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[prefixCount...])
                .copyMemory(from: payload)
            count = byteCount
        }
        bytes.removeFirst(offset)
        return bytes
    }
}
