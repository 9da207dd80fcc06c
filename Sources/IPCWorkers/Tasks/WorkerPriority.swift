/// Which of the tasks that wait is started first: those of the highest priority, and among them the first that came.
///
/// A task that runs is never interrupted, and what is on its way to a worker, some four milliseconds of work, is not overtaken.
/// Tasks of a low priority wait as long as there are others.
public struct WorkerPriority: RawRepresentable, Sendable, Hashable, Comparable {
    /// The higher the sooner.
    public var rawValue: Int

    /// Any number will do; the named ones are -1, 0 and 1.
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// When there is nothing else to do.
    public static let low = WorkerPriority(rawValue: -1)
    /// What is used when nothing is said.
    public static let normal = WorkerPriority(rawValue: 0)
    /// Before all of these.
    public static let high = WorkerPriority(rawValue: 1)

    /// The less urgent first.
    public static func < (left: WorkerPriority, right: WorkerPriority) -> Bool { left.rawValue < right.rawValue }
}
