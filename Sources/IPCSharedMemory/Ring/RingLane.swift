import IPCSystem

/// One direction of a ring in mapped memory: where its words, slots and bytes are. The ``RingMemory`` must outlive it.
///
/// Positions count slots and bytes from the first one on and never go back; masks turn them into places, so that no
/// position, whoever it comes from, leads outside.
@safe
struct RingLane: @unchecked Sendable {
    let slotCount: UInt64
    let dataByteCount: UInt64
    private let slotShift: UInt64
    private let slots: UnsafeMutableRawPointer
    private let data: UnsafeMutableRawPointer

    /// How far the receiver is, as it says.
    let consumedSlots: SharedWord64
    let consumedBytes: SharedWord64
    let receiverBell: RingBell
    let senderBell: RingBell

    init(_ control: SharedBytes, _ slots: SharedBytes, _ data: SharedBytes, _ geometry: RingGeometry) {
        slotCount = UInt64(geometry.slotCount)
        dataByteCount = UInt64(geometry.dataByteCount)
        slotShift = UInt64(geometry.slotCount.trailingZeroBitCount)
        precondition(slots.byteCount == geometry.slotsByteCount && data.byteCount == 2 * geometry.dataByteCount)
        unsafe self.slots = slots.base
        unsafe self.data = data.base
        consumedSlots = control.word64(RingGeometry.Control.consumedSlots)
        consumedBytes = control.word64(RingGeometry.Control.consumedBytes)
        receiverBell = RingBell(control.slice(RingGeometry.Control.receiverBell, 64))
        senderBell = RingBell(control.slice(RingGeometry.Control.senderBell, 64))
    }

    /// The lap of the slot at `position`, from 1.
    @inline(__always)
    func lap(_ position: UInt64) -> UInt64 { (position >> slotShift) &+ 1 }

    @inline(__always)
    private func slot(_ position: UInt64) -> UnsafeMutableRawPointer {
        // SAFETY: the masked position is a slot's number, and there are `slotCount` slots of 64 bytes.
        unsafe slots + Int(truncatingIfNeeded: (position & (slotCount - 1)) << 6)
    }

    /// The word of the slot at `position`.
    @inline(__always)
    func word(_ position: UInt64) -> SharedWord64 { unsafe SharedWord64(slot(position)) }

    /// The 56 bytes behind the word of the slot at `position`.
    @inline(__always)
    func inline(_ position: UInt64) -> UnsafeMutableRawBufferPointer {
        // SAFETY: a slot has 64 bytes.
        unsafe UnsafeMutableRawBufferPointer(start: slot(position) + 8, count: RingGeometry.inlineLimit)
    }

    /// Fetches the slot that is so far ahead that its receiver does not look at it yet.
    @inline(__always)
    func prepareSlot(after position: UInt64) { unsafe Processor.prepareToWrite(slot(position &+ 4)) }

    /// `count` bytes of the data from `position` on, at most all of it.
    @inline(__always)
    func bytes(_ position: UInt64, _ count: Int) -> UnsafeMutableRawBufferPointer {
        precondition(count >= 0 && count <= Int(dataByteCount))
        // SAFETY: the masked position lies in the first half of the double mapping, and the second is as long as `count`
        // may be.
        return unsafe UnsafeMutableRawBufferPointer(
            start: data + Int(truncatingIfNeeded: position & (dataByteCount - 1)), count: count)
    }

    /// What `count` bytes of data take: whole cache lines.
    @inline(__always)
    static func room(_ count: Int) -> UInt64 { UInt64(count + 63) & ~63 }
}
