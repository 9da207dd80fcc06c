/// The bytes that were read and not yet delivered. Grows with what arrives, up to the frame that is being received.
@safe
struct ReceiveBuffer: ~Copyable {
    /// Enough for a channel of small messages that come one at a time, so that many channels stay in the caches.
    private static let firstCapacity = 2 << 10
    /// Holds a message of 64 KiB with its header, and stays below the size at which malloc maps pages for each.
    private static let usualCapacity = 80 << 10
    /// How far it grows in one step before the bytes have arrived.
    private static let growthStep = 1 << 20

    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private(set) var start = 0
    private var end = 0

    init() {}

    deinit { unsafe base?.deallocate() }

    /// How many bytes wait.
    var count: Int { end - start }

    /// Whether it holds no memory.
    var isReleased: Bool { unsafe base == nil }

    /// The bytes from the first that waits. Valid until the buffer is changed.
    var bytes: UnsafeRawBufferPointer {
        guard let base = unsafe base else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        return unsafe UnsafeRawBufferPointer(start: base + start, count: end - start)
    }

    /// Room for the next read. `wanted` is how many bytes in all, from `start`, the frame that is being received needs.
    mutating func room(for wanted: Int) -> UnsafeMutableRawBufferPointer {
        if unsafe base == nil {
            capacity = Self.firstCapacity
            unsafe base = .allocate(byteCount: capacity, alignment: 16)
        }
        // A read that filled all the room, or a frame that does not fit: more is coming than the first size is for.
        if capacity == Self.firstCapacity && (end == capacity || wanted > capacity) {
            resize(to: Self.usualCapacity)
        } else if start > 0 && (start + wanted > capacity || capacity - end < capacity / 4) {
            unsafe base!.copyMemory(from: base! + start, byteCount: end - start)
            end -= start
            start = 0
        }
        if wanted > capacity && end == capacity { resize(to: min(wanted, max(2 * capacity, Self.growthStep))) }
        return unsafe UnsafeMutableRawBufferPointer(start: base! + end, count: capacity - end)
    }

    /// Room for a packet of up to `byteCount` bytes, which a read takes as a whole or cuts.
    mutating func room(forPacketOf byteCount: Int) -> UnsafeMutableRawBufferPointer {
        let room = unsafe room(for: byteCount)
        if room.count >= byteCount { return unsafe room }
        resize(to: end - start + byteCount)
        return unsafe UnsafeMutableRawBufferPointer(start: base! + end, count: capacity - end)
    }

    private mutating func resize(to grown: Int) {
        let larger = UnsafeMutableRawPointer.allocate(byteCount: grown, alignment: 16)
        unsafe larger.copyMemory(from: base! + start, byteCount: end - start)
        unsafe base!.deallocate()
        unsafe base = larger
        end -= start
        start = 0
        capacity = grown
    }

    /// `count` bytes were read into the room.
    mutating func append(_ count: Int) { end += count }

    /// The first `count` bytes were delivered.
    mutating func drop(_ count: Int) {
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Gives the memory back if nothing waits in it.
    mutating func releaseIfEmpty() {
        guard start == end, unsafe base != nil else { return }
        unsafe base!.deallocate()
        unsafe base = nil
        capacity = 0
        start = 0
        end = 0
    }
}
