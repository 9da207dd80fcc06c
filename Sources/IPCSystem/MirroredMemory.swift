import CIPC

/// A part of a file that is mapped twice in a row, shared and writable: what begins near its end goes on at its start
/// without a break. Unmapped when the last reference goes.
package final class MirroredMemory: Sendable {
    /// Both halves: twice `byteCount` bytes, of which each stands for the one `byteCount` further on. Valid as long as
    /// this object lives.
    package let bytes: SharedBytes
    /// The size of the part that is mapped.
    package let byteCount: Int

    /// mmap(2), twice. `offset` and `byteCount` are multiples of the page size, and the file must have those bytes and
    /// keep them: see ``MemoryCalls/Seals/size``.
    package init(_ number: Int32, offset: Int, byteCount: Int) throws(SystemCallError) {
        var address: UnsafeMutableRawPointer?
        _ = try retrying(.mmap) { unsafe cipc_map_twice(number, UInt64(offset), byteCount, &address) }
        unsafe bytes = SharedBytes(base: address!, byteCount: 2 * byteCount)
        self.byteCount = byteCount
    }

    deinit {
        // SAFETY: the mapping is ours, and nobody has a reference to this object any more.
        let result = unsafe cipc_unmap_twice(bytes.base, byteCount)
        precondition(result == 0, "a mapping was given back that is not one")
    }
}
