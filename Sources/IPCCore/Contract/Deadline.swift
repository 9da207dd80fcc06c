import IPCSystem

/// An instant on the monotonic clock at which a wait gives up.
///
/// It counts nanoseconds of CLOCK_MONOTONIC, which does not jump when the clock on the wall is set. A deadline never
/// crosses to another process: what travels there is the *remaining* time.
public struct Deadline: Sendable, Hashable, Comparable {
    /// CLOCK_MONOTONIC nanoseconds; `.max` means never.
    @usableFromInline package let nanoseconds: UInt64

    @inlinable
    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    // Computed: the default of every wait shall cost no look at a global.
    /// No limit.
    @inlinable public static var never: Deadline { Deadline(nanoseconds: .max) }

    /// Already over: an operation is tried once and does not wait.
    @inlinable public static var now: Deadline { Deadline(nanoseconds: 0) }

    /// `duration` from now. A negative duration is over already; one beyond 292 years is `.never`.
    public static func after(_ duration: Duration) -> Deadline {
        let now = MonotonicClock.nanoseconds
        guard duration > .zero else { return Deadline(nanoseconds: now) }
        let (seconds, attoseconds) = duration.components
        guard seconds < Int64.max / 1_000_000_000 else { return .never }
        // Rounded up, so that a wait never ends before its time.
        let added = UInt64(seconds) * 1_000_000_000 + UInt64((attoseconds + 999_999_999) / 1_000_000_000)
        let (sum, overflow) = now.addingReportingOverflow(added)
        return overflow ? .never : Deadline(nanoseconds: sum)
    }

    /// An instant of the clock that goes on while the machine sleeps.
    public static func at(_ instant: ContinuousClock.Instant) -> Deadline {
        after(ContinuousClock.now.duration(to: instant))
    }

    /// An instant of the clock that stops while the machine sleeps.
    public static func at(_ instant: SuspendingClock.Instant) -> Deadline {
        after(SuspendingClock.now.duration(to: instant))
    }

    /// Whether it is over.
    public var hasPassed: Bool { nanoseconds != .max && nanoseconds <= MonotonicClock.nanoseconds }

    /// The time left, zero when it is over, nil for `.never`.
    public var remaining: Duration? {
        guard nanoseconds != .max else { return nil }
        let now = MonotonicClock.nanoseconds
        return nanoseconds <= now ? .zero : .nanoseconds(Int64(clamping: nanoseconds - now))
    }

    /// The earlier one first.
    public static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }
}
