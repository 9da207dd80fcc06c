/// A message where the kernel put it: in a buffer that is the caller's until it gives it back.
@usableFromInline
struct HeldMessage: Sendable {
    @usableFromInline let buffer: QueueBuffer
    @usableFromInline let start: Int
    @usableFromInline let count: Int
    @usableFromInline let label: QueueLabel

    init(_ buffer: QueueBuffer, _ start: Int = 0, count: Int, _ label: QueueLabel) {
        (self.buffer, self.start, self.count, self.label) = (buffer, start, count, label)
    }

    @usableFromInline var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            // SAFETY: the kernel has written so many bytes, and the buffer is the caller's.
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[start..<start + count])
            return unsafe _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: self)
        }
    }
}
