/// What the token of a slot says: the one truth about whether a participant lives. The kernel changes it at the death of
/// the keeper thread whose number it holds. set_robust_list(2).
struct ParticipantToken: Equatable {
    private static let watchedBit: UInt32 = 0x8000_0000  // FUTEX_WAITERS
    private static let deadBit: UInt32 = 0x4000_0000  // FUTEX_OWNER_DIED

    let rawValue: UInt32

    init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// Nobody is in the slot.
    static let free = ParticipantToken(0)

    /// The participant whose keeper has this thread number, in the namespace of its own process. With the bit that makes
    /// the kernel wake a watcher.
    static func live(keeper thread: Int32) -> ParticipantToken {
        ParticipantToken(UInt32(bitPattern: thread) | watchedBit)
    }

    /// The same participant, as good as dead: it goes of its own accord. The kernel still knows it by its number.
    var leaving: ParticipantToken { ParticipantToken(rawValue | Self.deadBit) }

    var isFree: Bool { rawValue == 0 }
    /// The kernel says that the keeper is dead, or the keeper that it goes.
    var isDead: Bool { rawValue & Self.deadBit != 0 }
    var isLive: Bool { !isFree && !isDead }
}
