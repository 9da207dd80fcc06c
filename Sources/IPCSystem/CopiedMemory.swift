import CIPC

/// Bytes of a file, copied to memory of this process alone: for a look at what others may change, or take away, meanwhile.
/// A mapping of such a file is SIGBUS when somebody cuts it short.
package final class CopiedMemory: Sendable {
    /// The memory. Valid as long as this object lives.
    package let bytes: SharedBytes

    /// Zero bytes, aligned as those of a mapping are.
    package init(byteCount: Int) {
        precondition(byteCount > 0, "a copy has bytes")
        let base = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: MemoryCalls.pageSize)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        unsafe bytes = SharedBytes(base: base, byteCount: byteCount)
    }

    deinit { unsafe bytes.base.deallocate() }

    /// pread(2): copies `count` bytes of a file from `offset` on to the same place in here.
    ///
    /// - Returns: how many the file had: fewer than `count` at its end.
    package func fill(from number: Int32, at offset: Int, count: Int) throws(SystemCallError) -> Int {
        var done = 0
        while done < count {
            let place = offset + done
            let rest = bytes.slice(place, count - done)
            // SAFETY: the kernel writes at most the size of the slice.
            let got = try retrying(.pread) { unsafe cipc_read_at(number, rest.base, rest.byteCount, UInt64(place)) }
            if got == 0 { break }
            done += got
        }
        return done
    }
}
