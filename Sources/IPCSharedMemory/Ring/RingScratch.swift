/// Memory of this process in which an end of a ring puts a message together. Grows as needed; protected by the lock of
/// its direction.
@safe
final class RingScratch: @unchecked Sendable {
    private var buffer: UnsafeMutableRawBufferPointer = unsafe .init(start: nil, count: 0)

    deinit { unsafe buffer.deallocate() }

    /// The first `count` bytes, of which the first `kept` are what they were.
    func room(_ count: Int, keeping kept: Int = 0) -> UnsafeMutableRawBufferPointer {
        if unsafe count > buffer.count || buffer.baseAddress == nil {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 256), alignment: 64)
            // SAFETY: both have at least `kept` bytes.
            if kept > 0 { unsafe larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<kept])) }
            unsafe buffer.deallocate()
            unsafe buffer = larger
        }
        return unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
    }

    /// Room for `count` more bytes behind the first `kept`, growing at most to twice what is there, and to `limit`.
    func room(appending count: Int, to kept: Int, limit: Int) -> UnsafeMutableRawBufferPointer {
        let needed = kept + count
        let size = unsafe needed > buffer.count ? max(needed, min(limit, 2 * kept)) : needed
        let room = unsafe self.room(size, keeping: kept)
        return unsafe UnsafeMutableRawBufferPointer(rebasing: room[kept..<needed])
    }

    /// Gives the memory back if it is more than what small messages need.
    func release(unlessKeeping isNeeded: Bool) {
        guard unsafe !isNeeded && buffer.count > 4096 else { return }
        unsafe buffer.deallocate()
        unsafe buffer = .init(start: nil, count: 0)
    }
}
