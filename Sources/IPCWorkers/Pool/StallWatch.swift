/// Finds workers that have tasks and do not begin them, as a value: somebody has stopped the process (SIGSTOP), or what an
/// earlier task left behind holds its threads.
///
/// A worker in order begins what it has, or hands it back, within milliseconds. It is seen every ``period`` whether it has;
/// time alone says nothing, for this process may itself have been stopped or frozen between two looks.
struct StallWatch: Sendable {
    /// Nanoseconds between two looks.
    static let period: UInt64 = 2_000_000_000
    /// A process that is stopped at so many looks in a row is ended.
    static let stoppedLooks = 2
    /// One that is not, and runs nothing, gets more time: a machine may be that busy.
    static let idleLooks = 6

    /// How a worker is found.
    struct Sight: Sendable {
        /// Which process of its place it is.
        var incarnation: Int
        /// The oldest task that it has not begun.
        var waiting: UInt64
        var isRunning: Bool
    }

    private struct Suspicion: Sendable {
        var sight: Sight
        var looks = 0
        var stoppedLooks = 0
    }

    private var suspicions: [Int: Suspicion] = [:]
    private(set) var nextLook: UInt64 = 0

    /// Whether it is time to look at all of them.
    mutating func mayLook(at now: UInt64) -> Bool {
        guard now >= nextLook else { return false }
        nextLook = now + Self.period
        return true
    }

    /// - Parameters:
    ///   - sight: nil when the worker has begun everything that it has.
    ///   - state: what its process is doing; asked only where it matters.
    /// - Returns: whether it is of no use any more.
    mutating func isStuck(_ place: Int, _ sight: Sight?, state: () -> ProcessState) -> Bool {
        guard let sight else {
            suspicions[place] = nil
            return false
        }
        var suspicion = suspicions[place] ?? Suspicion(sight: sight)
        if suspicion.sight.incarnation != sight.incarnation || suspicion.sight.waiting != sight.waiting {
            suspicion = Suspicion(sight: sight)
        }
        // Under a debugger a worker may take its time.
        let state = state()
        suspicion.looks = state == .traced || sight.isRunning ? 0 : suspicion.looks + 1
        suspicion.stoppedLooks = state == .stopped ? suspicion.stoppedLooks + 1 : 0
        suspicions[place] = suspicion
        return suspicion.stoppedLooks >= Self.stoppedLooks || suspicion.looks >= Self.idleLooks
    }
}
