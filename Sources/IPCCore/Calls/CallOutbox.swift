/// Frames on their way out, packed into messages of the channel: what is written while a message is being sent goes
/// together in the next one.
///
/// A part of a state machine: its owner holds the lock. Bounded by what may be unanswered, which both sides limit.
package struct CallOutbox: Sendable {
    /// Frames share a message up to this size in bytes; a larger frame goes alone.
    private let packetSize: Int
    private var packets = ArrayQueue<[UInt8]>()
    private var open: [UInt8] = []
    private var isSending = false

    package init(packetSize: Int = 64 * 1024) {
        self.packetSize = packetSize
    }

    package var isEmpty: Bool { packets.isEmpty && open.isEmpty }
    /// Whether everything was sent.
    package var isIdle: Bool { isEmpty && !isSending }

    /// Appends what `write` writes, one frame.
    package mutating func append(_ write: (inout [UInt8]) -> Void) {
        let before = open.count
        write(&open)
        guard open.count > packetSize, before > 0 else { return }
        // The frame does not fit with those before it: it starts a message of its own.
        let frame = Array(open[before...])
        open.removeSubrange(before...)
        packets.append(open)
        open = frame
    }

    /// The next message to send, if nobody is sending one; the caller is the one who sends now, and must say
    /// ``didSend()``.
    package mutating func beginSending() -> [UInt8]? {
        guard !isSending, let packet = takePacket() else { return nil }
        isSending = true
        return packet
    }

    /// The message after the one that was sent; nil when there is none, and the caller sends no longer.
    package mutating func didSend() -> [UInt8]? {
        let packet = takePacket()
        isSending = packet != nil
        return packet
    }

    private mutating func takePacket() -> [UInt8]? {
        if let packet = packets.popFirst() { return packet }
        guard !open.isEmpty else { return nil }
        defer { open = [] }
        return open
    }
}
