public import IPCCore
import IPCSystem

extension SharedMemory {
    /// Copies `count` bytes from `offset` on.
    ///
    /// - Throws: `.invalidArgument` when they do not lie within the region; `.truncated` when somebody cut it short.
    public func read(_ count: Int, at offset: Int = 0) throws(IPCError) -> [UInt8] {
        try check(offset, count, writes: false)
        return payload.array(offset, count)
    }

    /// Copies bytes from `offset` on to the end of `output`, as many as it has room for.
    ///
    /// - Throws: as ``read(_:at:)``.
    public func read(at offset: Int, into output: inout OutputRawSpan) throws(IPCError) {
        let count = output.freeCapacity
        try check(offset, count, writes: false)
        payload.copy(offset, count, to: &output)
    }

    /// Copies `bytes` to `offset`. Others may see a part of them: who must not, needs a lock or a channel.
    ///
    /// - Throws: `.invalidArgument` when they do not fit; `.permissionDenied` when the region is not writable;
    ///   `.truncated` when somebody cut it short.
    public func write(_ bytes: RawSpan, at offset: Int = 0) throws(IPCError) {
        try check(offset, bytes.byteCount, writes: true)
        payload.store(bytes, at: offset)
    }

    /// Copies `bytes` to `offset`. See ``write(_:at:)-(RawSpan,_)``.
    public func write(_ bytes: [UInt8], at offset: Int = 0) throws(IPCError) {
        try write(unsafe bytes.span.bytes, at: offset)
    }

    /// The value at `offset`, copied. It need not be aligned.
    ///
    /// - Throws: as ``read(_:at:)``.
    public func load<Value: PlainData>(at offset: Int = 0, as type: Value.Type = Value.self) throws(IPCError) -> Value {
        try check(offset, MemoryLayout<Value>.size, writes: false)
        return payload.load(offset, as: type)
    }

    /// Copies `value` to `offset`. Others may see a part of it.
    ///
    /// - Throws: as ``write(_:at:)-(RawSpan,_)``.
    public func store<Value: PlainData>(_ value: Value, at offset: Int = 0) throws(IPCError) {
        try check(offset, MemoryLayout<Value>.size, writes: true)
        payload.store(value, at: offset)
    }

    /// The memory itself, for code that knows what it does: with a C library, or for a buffer that is filled in place.
    ///
    /// Unsafe: other processes may write while `body` reads; a write to a read-only region is a fault; so is any access to
    /// a file that somebody cut short. The pointer is valid within `body` alone.
    @unsafe
    public func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(payload.unsafeBuffer(0, payload.byteCount))
    }

    /// Writes what was changed to the file behind the region, and waits until the disk has it. msync(2).
    ///
    /// It may take as long as the disk does: a thread of the library does it, not one of Swift's pool.
    /// - Throws: `.unsupported` for a region without a file, and for one that was opened copy-on-write, of which nothing goes
    ///   to the file; what the disk says.
    public func flush() async throws(IPCError) {
        guard case .file = place.kind else {
            throw IPCError(.unsupported, "flush a region: there is no file behind it", object: place.description)
        }
        guard access != .copyOnWrite else {
            throw IPCError(
                .unsupported,
                """
                flush a region: it was opened copy-on-write, so what is written stays in this process; open it for reading \
                and writing to change the file
                """, object: place.description)
        }
        try checkSize()
        let (memory, name) = (memory, place.description)
        try await FileThread.shared.run("flush a region") {
            Result { () throws(IPCError) in
                try mapping("flush a region", object: name) { () throws(SystemCallError) in
                    try memory.flush(offset: 0, byteCount: memory.bytes.byteCount)
                }
            }
        }
    }

    /// Gives `count` usable bytes from `offset` on their room, in a region that was made with holes. fallocate(2).
    ///
    /// - Throws: `.resourceExhausted` when there is none: a touch would be SIGBUS.
    package func allocate(_ count: Int, at offset: Int) throws(IPCError) {
        guard let file, payload.contains(offset, count) else {
            throw IPCError(.invalidArgument, "grow: \(count) bytes at \(offset) are not within the region")
        }
        let start = unsafe payload.base - memory.bytes.base + offset
        do throws(SystemCallError) {
            try MemoryCalls.allocate(file.number, offset: start, size: count)
        } catch {
            guard error.errno == Errno.noSpace else { throw IPCError(error, "grow", object: place.description) }
            throw IPCError(
                .resourceExhausted,
                "grow: the file system has no room for \(count) more bytes; free some or make it larger",
                object: place.description, systemCall: error.call.rawValue, errno: error.errno)
        }
    }

    func check(_ offset: Int, _ count: Int, writes: Bool) throws(IPCError) {
        guard payload.contains(offset, count) else {
            throw IPCError(
                .invalidArgument,
                "use a region: \(count) bytes at \(offset) do not lie within its \(byteCount) bytes",
                object: place.description)
        }
        guard !writes || access != .readOnly else {
            throw IPCError(
                .permissionDenied, "write to a region: it was opened for reading alone", object: place.description)
        }
        if !hasFixedSize { try checkSize() }
    }

    /// Throws when the file behind the region no longer has all of its bytes. fstat(2).
    func checkSize() throws(IPCError) {
        guard let file else { return }
        let number = file.number
        let size = try mapping("look at a region", object: place.description) { () throws(SystemCallError) in
            try FileCalls.status(of: number).size
        }
        guard size >= UInt64(memory.bytes.byteCount) else {
            throw IPCError(
                .truncated,
                "use a region: somebody cut it to \(size) of its \(memory.bytes.byteCount) bytes; make it anew",
                object: place.description)
        }
    }
}
