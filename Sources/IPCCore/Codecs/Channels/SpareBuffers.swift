/// Buffers that the next messages of a channel use again. A few: senders that come while they are out make their own.
final class SpareBuffers: Sendable {
    /// A single large message must not keep its memory for ever.
    private static let largestKept = 256 << 10

    /// A place that a buffer is kept in.
    final class Box {
        fileprivate var buffer: MessageBuffer?
    }

    /// A buffer in use, with the box to put it back in.
    struct Lent: ~Copyable {
        fileprivate let box: Box
        var buffer: MessageBuffer
    }

    private let idle = IdleSlots<Box>()

    func take() -> Lent {
        let box = idle.take() ?? Box()
        let kept = box.buffer.take()
        return Lent(box: box, buffer: kept ?? MessageBuffer())
    }

    func put(_ lent: consuming Lent) {
        guard lent.buffer.capacity <= Self.largestKept else { return }
        lent.buffer.removeAll()
        let box = lent.box
        box.buffer = .some(lent.buffer)
        idle.give(box)
    }
}
