/// The first word of a slot: one store of it commits a message.
///
/// Bits 0 to 31 are the length, 32 to 35 the kind, 36 to 63 the lap: how often the ring has been round, from 1. Only words
/// ever stand at this place of a slot, so the word of an earlier lap is never taken for a new one, and nothing has to be
/// cleared.
struct RingWord: Equatable {
    enum Kind: UInt64 {
        /// A whole message, in the slot behind the word.
        case inline = 1
        /// A whole message, in the data.
        case whole = 2
        /// A part of a message, in the data; more follow. The slot also has the size of the whole message.
        case fragment = 3
        /// The last part of a message.
        case lastFragment = 4
        /// The parts that came before are void: their sender gave up.
        case abandoned = 5
        /// The sender has finished.
        case end = 6
    }

    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    @inline(__always)
    init(_ kind: Kind, _ length: Int, lap: UInt64) {
        rawValue = UInt64(UInt32(truncatingIfNeeded: length)) | kind.rawValue << 32 | lap << 36
    }

    var length: Int { Int(rawValue & 0xFFFF_FFFF) }
    /// Nil when no such kind is known.
    var kind: Kind? { Kind(rawValue: rawValue >> 32 & 0xF) }

    /// Whether it is of the lap of the slot at `position` of a ring whose slot count is two to the power of `shift`.
    @inline(__always)
    func isOfLap(_ lap: UInt64) -> Bool { (rawValue >> 36) == lap & 0xFFF_FFFF }
}
