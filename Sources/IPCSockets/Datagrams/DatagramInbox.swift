import IPCCore
import IPCSystem

/// What the receiver of a ``DatagramChannel`` keeps from message to message: room for one, made when first needed.
@safe
final class DatagramInbox: @unchecked Sendable {
    // SAFETY: behind the channel's `receiveLock`.
    private var room: UnsafeMutableRawBufferPointer?
    private let byteCount: Int
    var spinning = SpinPolicy()

    init(maximumMessageSize: Int) {
        // One byte more, by which a larger message is known.
        byteCount = maximumMessageSize + 1
    }

    deinit { unsafe room?.deallocate() }

    var bytes: UnsafeMutableRawBufferPointer {
        if let room = unsafe room { return unsafe room }
        let made = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        unsafe room = made
        return unsafe made
    }
}
