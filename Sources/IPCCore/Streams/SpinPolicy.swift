import IPCSystem

/// Whether a receive looks again for a few microseconds before it sleeps: as long as that has paid off lately.
///
/// A wake-up across processors costs several microseconds, so where the peer answers at once, looking again is several
/// times faster than sleeping. Where it does not pay, the policy stops, and tries again once in a while.
package struct SpinPolicy: Sendable {
    /// How long to look, in nanoseconds.
    package static let limit: UInt64 = 20_000
    private static let trust = 8
    private static let probeInterval: UInt32 = 32

    private var credit = trust
    private var misses: UInt32 = 0

    package init() {}

    /// Whether to spin now.
    package mutating func shouldSpin(_ engine: WaitEngine) -> Bool {
        guard engine.maySpin, engine.scheduler.isQuiet else { return false }
        if credit > 0 { return true }
        misses &+= 1
        return misses % Self.probeInterval == 0
    }

    /// Records whether spinning brought a message.
    package mutating func record(_ hit: Bool) {
        if hit { credit = Self.trust } else { credit -= 1 }
    }
}
