import IPCSystem
import Synchronization

/// Buffers in which a batch of small messages is laid out for one write. A few are kept, because batches come in streams.
@safe
final class BatchBuffers: Sendable {
    static let shared = BatchBuffers()
    static let byteCount = 64 << 10
    private static let keptCount = 8

    private let kept = Lock<[UInt]>([])

    /// A buffer of `byteCount` bytes that the caller gives back.
    func take() -> UnsafeMutableRawBufferPointer {
        if let bits = kept.withLock({ $0.popLast() }) {
            // SAFETY: `give` put the address of a whole buffer there, and only one caller took it out.
            return unsafe UnsafeMutableRawBufferPointer(
                start: UnsafeMutableRawPointer(bitPattern: bits), count: Self.byteCount)
        }
        return .allocate(byteCount: Self.byteCount, alignment: 16)
    }

    func give(_ buffer: UnsafeMutableRawBufferPointer) {
        let isKept = kept.withLock { kept in
            guard kept.count < Self.keptCount else { return false }
            kept.append(UInt(bitPattern: buffer.baseAddress))
            return true
        }
        if !isKept { unsafe buffer.deallocate() }
    }
}
