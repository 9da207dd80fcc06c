/// What one signal of a channel says, in the 64 bits of its value: 32 bits of content, 28 of sequence, 4 of kind.
struct SignalFrame: Equatable {
    /// What a frame is. 0 to 4 are a message of so many bytes.
    enum Kind: Equatable {
        case message(byteCount: UInt32)
        /// No more messages come: has a place in the sequence.
        case finish
        /// The end was closed; the sequence says where its messages end.
        case close
        /// The other end is there: `value` is its number, `sequence` a ``Greeting``.
        case hello
        /// The other end may send up to before the sequence number in `value`.
        case credit
        /// To this process by itself: what the dead peer had sent has arrived.
        case fence
    }

    static let sequenceMask: UInt32 = (1 << 28) - 1

    var kind: Kind
    var sequence: UInt32
    var value: UInt32

    init(_ kind: Kind, sequence: UInt32 = 0, value: UInt32 = 0) {
        self.kind = kind
        self.sequence = sequence & Self.sequenceMask
        self.value = value
    }

    /// Nil for a kind that does not exist.
    init?(_ bits: UInt64) {
        let high = UInt32(truncatingIfNeeded: bits >> 32)
        switch high >> 28 {
        case 0...4: kind = .message(byteCount: high >> 28)
        case 5: kind = .finish
        case 6: kind = .close
        case 7: kind = .hello
        case 8: kind = .credit
        case 9: kind = .fence
        default: return nil
        }
        sequence = high & Self.sequenceMask
        value = UInt32(truncatingIfNeeded: bits)
    }

    /// As the signal carries it.
    var bits: UInt64 {
        let number: UInt32 =
            switch kind {
            case .message(let byteCount): byteCount
            case .finish: 5
            case .close: 6
            case .hello: 7
            case .credit: 8
            case .fence: 9
            }
        return UInt64(number << 28 | sequence) << 32 | UInt64(value)
    }

    /// How far `later` is behind `earlier` in a sequence that wraps around.
    static func distance(from earlier: UInt32, to later: UInt32) -> UInt32 { (later &- earlier) & sequenceMask }
}

/// What a hello tells beside the number of its channel: in the 28 bits of the sequence.
struct Greeting: Equatable {
    /// The thread that signals go to best, or 0. A thread's number has 22 bits at most: PID_MAX_LIMIT.
    var thread: Int32
    /// The number of messages that the end has room for is 2 to the power of this. 4 bits.
    var capacityExponent: UInt32
    /// Whether it answers a hello.
    var isReply: Bool

    init(thread: Int32, capacityExponent: UInt32, isReply: Bool) {
        self.thread = thread
        self.capacityExponent = capacityExponent
        self.isReply = isReply
    }

    init(sequence: UInt32) {
        thread = Int32(sequence & 0x3F_FFFF)
        capacityExponent = sequence >> 22 & 0xF
        isReply = sequence >> 26 & 1 == 1
    }

    var sequence: UInt32 {
        UInt32(bitPattern: thread) & 0x3F_FFFF | (capacityExponent & 0xF) << 22 | (isReply ? 1 << 26 : 0)
    }
}
