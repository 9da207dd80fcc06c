import IPCCore
import IPCSystem

/// What the receiver of a ``DatagramChannel`` keeps from message to message: room for one, made when first needed.
@safe
final class DatagramInbox: @unchecked Sendable {
    // SAFETY: behind the channel's `receiveLock`.
    private var room: UnsafeMutableRawBufferPointer?
    /// What was wrong with the message behind those that the last call brought. Then the room is aside, so that the way of
    /// every message need not ask for it.
    private var pending: IPCError?
    private var aside: UnsafeMutableRawBufferPointer?
    private let byteCount: Int
    var spinning = SpinPolicy()

    init(maximumMessageSize: Int) {
        // One byte more, by which a larger message is known.
        byteCount = maximumMessageSize + 1
    }

    deinit {
        unsafe room?.deallocate()
        unsafe aside?.deallocate()
    }

    /// The room for the next message.
    ///
    /// - Throws: what was kept by ``keep(_:)``, once.
    func roomForNext() throws(IPCError) -> UnsafeMutableRawBufferPointer {
        if let room = unsafe room { return unsafe room }
        return try unsafe makeRoom()
    }

    private func makeRoom() throws(IPCError) -> UnsafeMutableRawBufferPointer {
        let made = unsafe aside ?? .allocate(byteCount: byteCount, alignment: 16)
        unsafe aside = nil
        unsafe room = made
        if let error = pending {
            pending = nil
            throw error
        }
        return unsafe made
    }

    /// Has the next call throw `error`.
    func keep(_ error: IPCError) {
        pending = error
        unsafe aside = room
        unsafe room = nil
    }

    /// The first bytes of the message that was taken.
    func bytes(_ count: Int) -> UnsafeRawBufferPointer {
        // SAFETY: there was room for them when the message was taken, and they are read before the next one.
        unsafe UnsafeRawBufferPointer(start: room?.baseAddress, count: room == nil ? 0 : count)
    }
}
