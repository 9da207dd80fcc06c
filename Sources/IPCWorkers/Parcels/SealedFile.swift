import IPCSystem

/// A large value on its way between two processes, in a file in memory; nothing is copied through a socket.
/// memfd_create(2).
///
/// Either a file of its own, which is written once and then sealed, so that neither side, nor anybody who has its descriptor,
/// can change or cut it any more, and which the reader maps (F_SEAL_WRITE); or one of a ``ValueShelf``.
final class SealedFile: Sendable {
    private static let seals: MemoryCalls.Seals = [.writing, .shrinking, .growing, .seals]

    let descriptor: PassedDescriptor
    let byteCount: Int
    /// On the receiving side: one or the other.
    private let memory: MappedMemory?
    private let copy: [UInt8]?
    /// On the sending side, of a file that is used again.
    private let kept: KeptFile?
    private let shelf: ValueShelf?

    /// What a parcel says of the file beside the value's size: that it is one of a shelf, and that its word is to be cleared.
    static let keptMark: UInt64 = 1 << 62
    static let awaitedMark: UInt64 = 1 << 63

    /// A new file with these bytes.
    ///
    /// - Throws: `.resourceExhausted` when there is no memory for it.
    init(_ bytes: RawSpan) throws(IPCError) {
        byteCount = bytes.byteCount
        (memory, copy, kept, shelf) = (nil, nil, nil, nil)
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

    /// A file of a shelf with a value.
    init(_ kept: KeptFile, byteCount: Int, of shelf: ValueShelf) {
        self.byteCount = byteCount
        (memory, copy) = (nil, nil)
        descriptor = kept.descriptor
        self.kept = kept
        self.shelf = shelf
    }

    deinit { if let kept { shelf?.give(kept) } }

    /// The word of a parcel on this file.
    var word: UInt64 {
        guard let kept else { return UInt64(byteCount) }
        return UInt64(byteCount) | Self.keptMark | (kept.isAwaited ? Self.awaitedMark : 0)
    }

    /// A file that came from the other side, by the word of its parcel.
    ///
    /// - Throws: `.protocolViolation` when it has not what the word says, or can still change without being of a shelf.
    convenience init(_ descriptor: PassedDescriptor, word: UInt64) throws(IPCError) {
        guard let size = Int(exactly: word & (Self.keptMark - 1)) else {
            throw CallWire.violation("a value of \(word) bytes")
        }
        let isAwaited = word & Self.awaitedMark != 0
        if word & Self.keptMark != 0 {
            try self.init(copying: descriptor, byteCount: size, clearsWord: isAwaited)
        } else if isAwaited {
            throw CallWire.violation("a value in a file of no kind")
        } else {
            try self.init(descriptor, byteCount: size)
        }
    }

    private init(copying descriptor: PassedDescriptor, byteCount: Int, clearsWord: Bool) throws(IPCError) {
        self.descriptor = descriptor
        self.byteCount = byteCount
        (memory, kept, shelf) = (nil, nil, nil)
        let number = descriptor.borrowedNumber
        copy = try mapping("read a large value") { () throws(SystemCallError) in
            try number.flatMap { (number) throws(SystemCallError) in
                try KeptFile.copy(from: number, byteCount: byteCount, clearingWord: clearsWord)
            }
        }
        guard copy != nil else { throw CallWire.violation("no value of \(byteCount) bytes in a file") }
    }

    /// A sealed file that came from the other side.
    ///
    /// - Throws: `.protocolViolation` when it can still change, or has another size.
    init(_ descriptor: PassedDescriptor, byteCount: Int) throws(IPCError) {
        self.descriptor = descriptor
        self.byteCount = byteCount
        (copy, kept, shelf) = (nil, nil, nil)
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
            if let copy { return unsafe _overrideLifetime(copy.span.bytes, borrowing: self) }
            guard let memory else { return RawSpan() }
            // SAFETY: the mapping lives as long as this object, and its seals keep everybody from writing to it.
            let bytes = unsafe UnsafeRawBufferPointer(memory.bytes.unsafeBuffer(0, byteCount))
            return unsafe _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: self)
        }
    }
}
