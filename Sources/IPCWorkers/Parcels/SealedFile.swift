import IPCSystem

/// A large value on its way between two processes: a file in memory that is written once and then sealed, so that neither
/// side, nor anybody who has its descriptor, can change or cut it any more. The reader maps it; nothing is copied through a
/// socket. memfd_create(2), F_SEAL_WRITE.
final class SealedFile: Sendable {
    private static let seals: MemoryCalls.Seals = [.writing, .shrinking, .growing, .seals]

    let descriptor: PassedDescriptor
    let byteCount: Int
    /// On the receiving side.
    private let memory: MappedMemory?

    /// A new file with these bytes.
    ///
    /// - Throws: `.resourceExhausted` when there is no memory for it.
    init(_ bytes: RawSpan) throws(IPCError) {
        byteCount = bytes.byteCount
        memory = nil
        descriptor = PassedDescriptor(
            owning: try mapping("put a large value into shared memory") { () throws(SystemCallError) in
                let file = try MemoryCalls.makeFile("swift-ipc-value")
                var written = 0
                while written < bytes.byteCount {
                    let rest = bytes.extracting(written..<bytes.byteCount)
                    written += try unsafe rest.withUnsafeBytes { rest throws(SystemCallError) in
                        try unsafe DescriptorCalls.write(file.number, rest) ?? 0
                    }
                }
                try MemoryCalls.seal(file.number, Self.seals)
                return file.release()
            })
    }

    /// A file that came from the other side.
    ///
    /// - Throws: `.protocolViolation` when it can still change, or has another size.
    init(_ descriptor: PassedDescriptor, byteCount: Int) throws(IPCError) {
        self.descriptor = descriptor
        self.byteCount = byteCount
        guard let number = descriptor.borrowedNumber, byteCount > 0,
            (try? MemoryCalls.seals(of: number).isSuperset(of: Self.seals)) ?? false,
            (try? FileCalls.status(of: number).size) == UInt64(byteCount)
        else { throw CallWire.violation("a value in a file that is not sealed, or not of \(byteCount) bytes") }
        memory = try mapping("map a large value") { () throws(SystemCallError) in
            try MappedMemory(number, byteCount: byteCount, MappedMemory.Mode(isWritable: false, isPrefaulted: true))
        }
    }

    /// The bytes, on the receiving side; empty on the other, which has let go of them.
    var span: RawSpan {
        @_lifetime(borrow self)
        get {
            guard let memory else { return RawSpan() }
            // SAFETY: the mapping lives as long as this object, and its seals keep everybody from writing to it.
            let bytes = unsafe UnsafeRawBufferPointer(memory.bytes.unsafeBuffer(0, byteCount))
            return unsafe _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: self)
        }
    }
}
