extension WorkerPoolOptions {
    /// How often workers may be replaced: a pool whose workers die faster fails all its tasks with
    /// `.restartLimitReached`. Workers that the pool ends itself, by ``WorkerPoolOptions/recycling`` or for a task that
    /// exceeded a limit, do not count.
    public struct RestartLimit: Sendable, Hashable {
        /// So many times…
        public var count: Int
        /// …in so much time.
        public var interval: Duration

        /// `count` times in `interval`.
        public init(count: Int, in interval: Duration) {
            self.count = count
            self.interval = interval
        }

        /// 100 times in 10 seconds.
        public static let standard = RestartLimit(count: 100, in: .seconds(10))
    }

    /// How long a place of the pool stays empty after its worker died: not at all after the first death, and twice as long
    /// after each that follows, until a worker has finished a task there.
    public struct RestartBackoff: Sendable, Hashable {
        /// After the second death in a row.
        public var initial: Duration
        /// The longest.
        public var maximum: Duration

        /// From `initial` to `maximum`.
        public init(initial: Duration, maximum: Duration) {
            self.initial = initial
            self.maximum = maximum
        }

        /// From 10 milliseconds to a second.
        public static let standard = RestartBackoff(initial: .milliseconds(10), maximum: .seconds(1))
        /// A worker that dies is replaced at once.
        public static let none = RestartBackoff(initial: .zero, maximum: .zero)

        /// How long to wait after so many deaths in a row.
        func delay(afterDeaths count: Int) -> Duration {
            guard count > 1, initial > .zero else { return .zero }
            var delay = initial
            for _ in 2..<max(2, count) where delay < maximum { delay *= 2 }
            return min(delay, maximum)
        }
    }
}

/// When a worker that has done nothing wrong is replaced: it is given no more tasks, finishes those that it has, and leaves.
public struct WorkerRecycling: Sendable, Hashable {
    /// After so many tasks; nil for any number. 1 gives each task a process of its own.
    public var tasks: Int?
    /// When it has more bytes in memory (its resident set), as a worker has that leaks. Looked at ten times a second, while
    /// it works and after it.
    public var memory: Int?
    /// When it has served for so long.
    public var age: Duration?
    /// When it has had nothing to do for so long. It is replaced when there is work again, so that a pool without work has
    /// no processes.
    public var idle: Duration?

    /// Whichever comes first of those that are named.
    public init(tasks: Int? = nil, memory: Int? = nil, age: Duration? = nil, idle: Duration? = nil) {
        self.tasks = tasks
        self.memory = memory
        self.age = age
        self.idle = idle
    }

    /// A worker lives as long as its pool.
    public static let never = WorkerRecycling()
}

/// The processors that workers run on. sched_setaffinity(2).
public struct WorkerProcessors: Sendable, Hashable {
    private enum Kind: Sendable, Hashable {
        case inherit
        case all([Int])
        case each([Int])
    }

    private let kind: Kind

    /// Those of this process.
    public static let inherit = WorkerProcessors(kind: .inherit)

    /// Each worker may run on any of these.
    public static func any(of numbers: [Int]) -> WorkerProcessors { WorkerProcessors(kind: .all(numbers)) }

    /// Each worker runs on one of these: worker 0 on the first, and so on, from the first again when there are more workers.
    public static func one(of numbers: [Int]) -> WorkerProcessors { WorkerProcessors(kind: .each(numbers)) }

    /// The processors of a worker; nil for those of this process.
    func numbers(forWorker index: Int) -> [Int]? {
        switch kind {
        case .inherit: nil
        case .all(let numbers): numbers
        case .each(let numbers): numbers.isEmpty ? [] : [numbers[index % numbers.count]]
        }
    }
}
