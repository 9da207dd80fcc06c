import IPCCore

/// Whether a process is in a region, and how many of its users need that: handles, and calls that wait or hold something.
///
/// A value; what it wants done comes out of its methods. One attachment lives once: whoever comes when it is leaving gets
/// a new one.
struct AttachmentState {
    enum Phase: Equatable {
        /// The keeper has been asked to attach.
        case attaching
        /// The slot is ours.
        case attached
        /// The keeper has been asked to give the slot back, or does so.
        case leaving
        /// It never came to a slot, or the slot is given back.
        case ended
    }

    /// What the caller does after a change.
    enum Action: Equatable {
        case nothing
        /// Have the keeper give the slot back.
        case detach
    }

    private(set) var phase = Phase.attaching
    private(set) var users = 1

    /// One more user. False when it is too late: attach anew.
    mutating func retain() -> Bool {
        guard phase == .attaching || phase == .attached else { return false }
        users += 1
        return true
    }

    /// One user less; the last one makes the process leave, unless the keeper has not attached yet: then it will not.
    mutating func release() -> Action {
        precondition(users > 0, "an attachment was released more often than it was taken")
        users -= 1
        guard users == 0, phase == .attached else { return .nothing }
        phase = .leaving
        return .detach
    }

    /// The keeper's turn to attach: false when nobody wants it any more, which ends it.
    mutating func mayAttach() -> Bool {
        if users == 0 { phase = .ended }
        return phase == .attaching
    }

    /// The keeper has a slot. Everybody may have left meanwhile.
    mutating func didAttach() -> Action {
        phase = users == 0 ? .leaving : .attached
        return users == 0 ? .detach : .nothing
    }

    /// The keeper got no slot, or has given it back.
    mutating func didEnd() { phase = .ended }
}
