import IPCSystem

/// A frame on its way out: what stands in front of the payload, and the payload where the caller has it.
@safe
struct OutgoingFrame: ~Copyable {
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
        return try unsafe withUnsafeTemporaryAllocation(byteCount: Self.largestPrefix, alignment: 16) {
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
