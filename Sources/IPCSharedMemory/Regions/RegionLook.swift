package import IPCCore
package import IPCSystem

/// A region as somebody sees it who only looks: mapped for reading, without the mark that says that it is in use, and
/// whoever it belongs to. For tools.
///
/// What stands in it may change at any time, and whoever may write it can break what it says.
package struct RegionLook: Sendable {
    package let layout: RegionLayout
    /// The usable bytes.
    package let payload: SharedBytes
    /// Slots for processes.
    package let slotCount: Int
    /// The whole mapping, which lives as long as this.
    package let memory: MappedMemory

    /// Maps the region at `place`, which has a name or a path.
    ///
    /// - Throws: `.notFound`, `.permissionDenied`, `.invalidName`; `.wrongMagic`, `.wrongVersion`, `.protocolViolation` when
    ///   it is no region with a layout; `.unsupported` for places without a path.
    package init(at place: SharedMemoryPlace) throws(IPCError) {
        let path = try RegionFile.path(of: place)
        let found = try CheckedFile.find(path, .regular, .anyone, "look at a region")
        let size = Int(clamping: found.status.size)
        guard size >= RegionHeader.byteCount else {
            throw IPCError(.wrongMagic, "look at a region: it has no header", object: path)
        }
        let inodePath = found.inodePath
        memory = try mapping("look at a region", object: path) { () throws(SystemCallError) in
            let file = try FileCalls.open(inodePath, .readOnly)
            return try MappedMemory(file.number, byteCount: size, MappedMemory.Mode(isWritable: false))
        }
        let contents = try RegionHeader.read(memory.bytes, fileByteCount: size, path)
        layout = contents.layout
        slotCount = contents.slotCount
        payload = memory.bytes.slice(contents.payloadOffset, contents.payloadByteCount)
    }
}
