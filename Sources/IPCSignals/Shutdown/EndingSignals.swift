import IPCCore

/// What signals that ask for the end mean, in the order in which they come: the first one asks, and a further one hurries.
///
/// One that has counted says nothing when it comes again within a moment: a terminal signals the whole group, and a parent
/// may pass its own on.
package struct EndingSignals: Sendable {
    package enum Meaning: Sendable, Equatable {
        case asks
        case hurries
        case repeats
    }

    /// That moment, after the first one.
    package static let calm = Duration.milliseconds(100)

    /// The one that asked.
    package private(set) var first: Signal?
    /// The first one that hurried.
    package private(set) var second: Signal?
    private var counted: Set<Signal> = []
    private var endOfCalm = Deadline.never

    package init() {}

    /// A signal has come.
    package mutating func take(_ signal: Signal) -> Meaning {
        guard first != nil else {
            first = signal
            counted = [signal]
            stayCalm(for: Self.calm)
            return .asks
        }
        if counted.contains(signal), !endOfCalm.hasPassed { return .repeats }
        if second == nil { second = signal }
        counted.insert(signal)
        return .hurries
    }

    /// Those that have counted say nothing for so long from now.
    package mutating func stayCalm(for duration: Duration) { endOfCalm = .after(duration) }
}
