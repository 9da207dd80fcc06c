/// Frames on their way out, packed into messages of the channel: what is written while a message is being sent goes
/// together in the next one.
///
/// A part of a state machine: its owner holds the lock. Answers are bounded by what the peer may have open, requests and items
/// of streams by ``isFull``.
package struct CallOutbox: Sendable {
    private struct Packet {
        var bytes: [UInt8] = []
        /// The depths of the requests whose final answers are in it.
        var releases: [Int] = []
    }

    /// From here on, what can wait does: requests, items and credit.
    private static let fullSize = 256 * 1024

    /// Frames share a message up to this size in bytes; a larger frame goes alone.
    private let packetSize: Int
    private var packets = ArrayQueue<Packet>()
    private var open = Packet()
    private var isSending = false
    /// Bytes that wait, without the message that is being sent.
    private var waitingSize = 0
    private var released: [Int] = []

    package init(packetSize: Int = 64 * 1024) {
        self.packetSize = packetSize
    }

    package var isEmpty: Bool { packets.isEmpty && open.bytes.isEmpty }
    /// Whether everything was sent.
    package var isIdle: Bool { isEmpty && !isSending }
    /// Whether so much waits for the channel that what can wait elsewhere should.
    package var isFull: Bool { waitingSize >= Self.fullSize }
    /// Bytes that wait for the channel.
    package var size: Int { waitingSize }

    /// Appends what `write` writes, one frame.
    ///
    /// - Parameter depth: of a final answer, the depth of its request. See ``takeReleased()``.
    package mutating func append(releasing depth: Int? = nil, _ write: (inout [UInt8]) -> Void) {
        let before = open.bytes.count
        write(&open.bytes)
        waitingSize += open.bytes.count - before
        if open.bytes.count > packetSize, before > 0 {
            // The frame does not fit with those before it: it starts a message of its own.
            let frame = Array(open.bytes[before...])
            open.bytes.removeSubrange(before...)
            packets.append(open)
            open = Packet(bytes: frame)
        }
        if let depth { open.releases.append(depth) }
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

    /// The depths of the requests whose final answers were in the messages that were taken since the last time.
    package mutating func takeReleased() -> [Int] {
        guard !released.isEmpty else { return [] }
        defer { released.removeAll(keepingCapacity: true) }
        return released
    }

    private mutating func takePacket() -> [UInt8]? {
        let packet: Packet
        if let first = packets.popFirst() {
            packet = first
        } else {
            guard !open.bytes.isEmpty else { return nil }
            packet = open
            open = Packet()
        }
        waitingSize -= packet.bytes.count
        released += packet.releases
        return packet.bytes
    }
}
