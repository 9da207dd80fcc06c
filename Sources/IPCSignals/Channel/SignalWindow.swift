/// The receiving side of a channel of signals, as a value: puts what arrives in any order into the order in which it was
/// sent, and says when the sender gets room again.
struct SignalWindow {
    /// What `take` found.
    enum Taken: Equatable {
        case message(byteCount: UInt32, value: UInt32)
        case empty
        /// The peer has finished, and everything was delivered.
        case finished
        /// The peer is gone without having finished.
        case gone
        /// The peer sent what it must not.
        case violated
        /// Frames found no room in the pipe from the handler.
        case lost
    }

    private enum Ending {
        case open, finished, dead, violated, lost
    }

    let capacity: UInt32
    /// Frames that arrived, at their sequence number modulo the count; a power of two, so that it divides the sequence.
    private var slots: [SignalFrame?]
    /// The sequence number that is delivered next.
    private var next: UInt32 = 0
    /// Messages delivered since the sender was last told.
    private var untold: UInt32 = 0
    private var closedAt: UInt32?
    private var ending = Ending.open

    /// - Parameter capacity: a power of two.
    init(capacity: UInt32) {
        self.capacity = capacity
        // The finish has a place beyond the last message.
        slots = Array(repeating: nil, count: Int(capacity) * 2)
    }

    /// Puts a message or the finish at its place. What came already, or comes after the end, is dropped.
    mutating func place(_ frame: SignalFrame) {
        guard ending == .open else { return }
        let offset = SignalFrame.distance(from: next, to: frame.sequence)
        // Half of the numbers are behind us: a frame that came twice.
        guard offset <= SignalFrame.sequenceMask / 2 else { return }
        guard offset < capacity || (offset == capacity && frame.kind == .finish) else {
            ending = .violated
            return
        }
        if let closedAt {
            let left = SignalFrame.distance(from: frame.sequence, to: closedAt)
            guard left > 0, left <= SignalFrame.sequenceMask / 2 else { return }
        }
        slots[index(frame.sequence)] = frame
    }

    /// The peer has closed its end behind `sequence`.
    mutating func close(at sequence: UInt32) {
        if closedAt == nil { closedAt = sequence }
    }

    /// The peer is dead, and all that it sent has arrived.
    mutating func die() { if ending == .open { ending = .dead } }

    /// Frames of somebody were lost in this process: perhaps ones of this channel.
    mutating func lose() { if ending == .open { ending = .lost } }

    /// The next in the order, and the sequence number up to which the sender may send now, where it is to be told.
    mutating func take() -> (taken: Taken, credit: UInt32?) {
        if ending == .finished { return (.finished, nil) }
        guard let frame = slots[index(next)], frame.sequence == next else { return (outcome, nil) }
        slots[index(next)] = nil
        next = (next &+ 1) & SignalFrame.sequenceMask
        guard case .message(let byteCount) = frame.kind else {
            ending = .finished
            return (.finished, nil)
        }
        untold += 1
        var credit: UInt32?
        if untold >= max(capacity / 2, 1) {
            untold = 0
            credit = (next &+ capacity) & SignalFrame.sequenceMask
        }
        return (.message(byteCount: byteCount, value: frame.value), credit)
    }

    /// What it means that the next one is not there.
    private var outcome: Taken {
        switch ending {
        case .violated: return .violated
        case .dead: return .gone
        case .lost: return .lost
        case .finished: return .finished
        case .open: return closedAt == next ? .gone : .empty
        }
    }

    private func index(_ sequence: UInt32) -> Int { Int(sequence) & (slots.count - 1) }
}
