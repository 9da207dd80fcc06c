import IPCSystem

/// Memory for one message on its way to or from the kernel, used by one call at a time.
@usableFromInline
@safe
final class QueueBuffer: @unchecked Sendable {
    // SAFETY: whoever took the buffer out of the pool, or has the lock that it is behind, is its only user.
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        // SAFETY: freed in deinit.
        unsafe bytes = .allocate(byteCount: max(byteCount, 16), alignment: 16)
    }

    deinit { unsafe bytes.deallocate() }
}

/// Buffers of one size that the next calls use again. A few: who finds none makes one.
final class QueueBuffers: Sendable {
    private static let mostKept = 4

    let byteCount: Int
    private let idle = Lock<[QueueBuffer]>([])

    init(byteCount: Int) { self.byteCount = byteCount }

    func take() -> QueueBuffer {
        idle.withLock { $0.popLast() } ?? QueueBuffer(byteCount: byteCount)
    }

    func give(_ buffer: QueueBuffer) {
        idle.withLock { if $0.count < Self.mostKept { $0.append(buffer) } }
    }
}
