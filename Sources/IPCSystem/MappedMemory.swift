import CIPC

/// A mapping of a file or a System V segment, unmapped when the last reference goes.
@usableFromInline
package final class MappedMemory: Sendable {
    /// How the memory is mapped.
    package struct Mode: Sendable {
        /// Whether this process may write.
        package var isWritable = true
        /// Whether what is written stays with this process. MAP_PRIVATE.
        package var isCopyOnWrite = false
        /// Whether all pages are there before the mapping is returned. MAP_POPULATE.
        package var isPrefaulted = false
        /// Bytes of private, zeroed memory right below the mapping, a multiple of the page size.
        package var privateBytesBelow = 0

        package init(
            isWritable: Bool = true, isCopyOnWrite: Bool = false, isPrefaulted: Bool = false, privateBytesBelow: Int = 0
        ) {
            self.isWritable = isWritable
            self.isCopyOnWrite = isCopyOnWrite
            self.isPrefaulted = isPrefaulted
            self.privateBytesBelow = privateBytesBelow
        }
    }

    /// The memory. Valid as long as this object lives.
    package let bytes: SharedBytes
    /// Bytes of private memory right below it.
    package let privateBytesBelow: Int
    private let isSegment: Bool

    /// mmap(2) of `byteCount` bytes of a file from `offset` on, which must be a multiple of the page size. Bytes beyond
    /// the end of the file raise SIGBUS when they are touched: check the size first, and that it cannot shrink.
    package init(_ number: Int32, offset: Int = 0, byteCount: Int, _ mode: Mode = Mode()) throws(SystemCallError) {
        var address: UnsafeMutableRawPointer?
        _ = try retrying(.mmap) {
            unsafe cipc_map(
                number, UInt64(offset), byteCount, mode.isWritable ? 1 : 0, mode.isCopyOnWrite ? 1 : 0,
                mode.isPrefaulted ? 1 : 0, mode.privateBytesBelow, &address)
        }
        unsafe bytes = SharedBytes(base: address!, byteCount: byteCount)
        privateBytesBelow = mode.privateBytesBelow
        isSegment = false
    }

    /// shmat(2) of a segment that has `byteCount` bytes.
    package init(segment: Int32, byteCount: Int, isWritable: Bool) throws(SystemCallError) {
        var address: UnsafeMutableRawPointer?
        _ = try retrying(.shmat) { unsafe cipc_segment_attach(segment, isWritable ? 0 : 1, &address) }
        unsafe bytes = SharedBytes(base: address!, byteCount: byteCount)
        privateBytesBelow = 0
        isSegment = true
    }

    deinit {
        // SAFETY: the mapping is ours, and nobody has a reference to this object any more.
        let result =
            isSegment
            ? unsafe cipc_segment_detach(bytes.base)
            : unsafe cipc_unmap_all(bytes.base, bytes.byteCount, privateBytesBelow)
        precondition(result == 0, "a mapping was given back that is not one")
    }

    /// msync(2): what was written in this range is in the file when this returns. Waits for the disk.
    package func flush(offset: Int, byteCount: Int) throws(SystemCallError) {
        let first = offset / MemoryCalls.pageSize * MemoryCalls.pageSize
        let piece = bytes.slice(first, offset - first + byteCount)
        _ = try retrying(.msync) { unsafe cipc_flush(piece.base, piece.byteCount) }
    }

    /// mlock(2): the pages stay in memory. RLIMIT_MEMLOCK bounds it.
    package func lockInMemory() throws(SystemCallError) {
        _ = try retrying(.mlock) { unsafe cipc_lock_memory(bytes.base, bytes.byteCount) }
    }

    /// madvise(2) MADV_POPULATE_WRITE, MADV_POPULATE_READ: all pages are there afterwards. EINVAL before Linux 5.14.
    package func populate(isWritable: Bool) throws(SystemCallError) {
        _ = try retrying(.madvise) { unsafe cipc_populate(bytes.base, bytes.byteCount, isWritable ? 1 : 0) }
    }

    /// madvise(2) MADV_HUGEPAGE: asks for transparent huge pages.
    package func adviseHugePages() throws(SystemCallError) {
        _ = try retrying(.madvise) { unsafe cipc_advise_huge_pages(bytes.base, bytes.byteCount) }
    }
}
