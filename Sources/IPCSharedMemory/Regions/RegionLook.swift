package import IPCCore
package import IPCSystem

/// A region as somebody sees it who only looks: a copy of what was there, made without the mark that says that it is in
/// use, and whoever it belongs to. For tools.
///
/// It is read, not mapped: whoever may write the region can cut it short at any time, which is an error here and would be
/// SIGBUS in a mapping. What stands in it may change while it is copied, and whoever may write it can break what it says.
package struct RegionLook: Sendable {
    /// The largest region that is copied, in bytes: 1 GiB.
    package static let maximumByteCount = 1 << 30

    package let layout: RegionLayout
    /// The usable bytes.
    package let payload: SharedBytes
    /// Slots for processes.
    package let slotCount: Int
    /// All of the region, from its first byte on. It lives as long as this.
    package let memory: CopiedMemory

    /// Copies the region at `place`, which has a name or a path and what `layout` says in it.
    ///
    /// - Throws: `.notFound`, `.permissionDenied`, `.invalidName`; `.wrongMagic`, `.protocolViolation` when it is no region
    ///   with a layout; `.typeMismatch`, `.wrongVersion` when it has another one; `.truncated` when it has fewer bytes than
    ///   its header says; `.resourceExhausted` above ``maximumByteCount``; `.unsupported` for places without a path.
    package init(at place: SharedMemoryPlace, of layout: RegionLayout) throws(IPCError) {
        let path = try RegionFile.path(of: place)
        let found = try CheckedFile.find(path, .regular, .anyone, "look at a region")
        let inodePath = found.inodePath
        let file = try mapping("look at a region", object: path) { () throws(SystemCallError) in
            try FileCalls.open(inodePath, .readOnly)
        }
        let contents = try Self.contents(of: file, path)
        try RegionHeader.check(contents, is: layout, byteCount: nil, slotCount: 0, path)
        let whole = try Self.checkedByteCount(contents, file, path)
        let memory = CopiedMemory(byteCount: whole)
        // The table of the processes after what they have: who comes meanwhile is in it.
        let head = contents.payloadOffset
        try Self.copy(file, head, whole - head, to: memory, path)
        try Self.copy(file, 0, head, to: memory, path)
        self.layout = contents.layout
        slotCount = contents.slotCount
        payload = memory.bytes.slice(head, contents.payloadByteCount)
        self.memory = memory
    }

    private static func contents(of file: borrowing OwnedDescriptor, _ path: String) throws(IPCError)
        -> RegionHeader.Contents
    {
        let number = file.number
        let header = CopiedMemory(byteCount: RegionHeader.byteCount)
        let count = try mapping("look at a region", object: path) { () throws(SystemCallError) in
            try header.fill(from: number, at: 0, count: RegionHeader.byteCount)
        }
        guard count == RegionHeader.byteCount else {
            throw IPCError(.wrongMagic, "look at a region: it has no header, only \(count) bytes", object: path)
        }
        // Whether the file has as many bytes as it says is another question, with another answer.
        return try withExtendedLifetime(header) { () throws(IPCError) in
            try RegionHeader.read(header.bytes, fileByteCount: .max, path)
        }
    }

    /// How many bytes the region has, by its header and by its file.
    private static func checkedByteCount(
        _ contents: RegionHeader.Contents, _ file: borrowing OwnedDescriptor, _ path: String
    ) throws(IPCError) -> Int {
        let number = file.number
        let whole = contents.payloadOffset + contents.payloadByteCount
        let size = try mapping("look at a region", object: path) { () throws(SystemCallError) in
            Int(clamping: try FileCalls.status(of: number).size)
        }
        guard size >= whole else { throw cut(to: size, of: whole, path) }
        guard whole <= maximumByteCount else {
            throw IPCError(
                .resourceExhausted,
                "look at a region: it has \(whole) bytes, and no more than \(maximumByteCount) are copied", object: path
            )
        }
        return whole
    }

    private static func copy(
        _ file: borrowing OwnedDescriptor, _ offset: Int, _ count: Int, to memory: CopiedMemory, _ path: String
    ) throws(IPCError) {
        let number = file.number
        let copied = try mapping("look at a region", object: path) { () throws(SystemCallError) in
            try memory.fill(from: number, at: offset, count: count)
        }
        guard copied == count else { throw cut(to: offset + copied, of: memory.bytes.byteCount, path) }
    }

    private static func cut(to size: Int, of whole: Int, _ path: String) -> IPCError {
        IPCError(
            .truncated, "look at a region: somebody cut it to \(size) of its \(whole) bytes; make it anew",
            object: path)
    }
}
