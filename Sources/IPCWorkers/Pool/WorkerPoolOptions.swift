/// Everything about a pool but the number of its workers. The defaults run the same program again and serve well.
public struct WorkerPoolOptions: Sendable {
    /// The program of the workers. The default is the program that runs now: its very file, even if another one has taken
    /// its place since. Another program, or a test runner, is named here; its `main` must call
    /// ``Worker/serveIfSpawned(_:)`` with the types of task first.
    public var executable: Executable
    /// The arguments of the workers; their `main` sees them if it looks before it serves.
    public var arguments: [String]
    /// The variables of the workers.
    public var environment: ProcessEnvironment
    /// The directory of the workers; nil for the one of this process.
    public var workingDirectory: String?
    /// How long a worker may take from its start to its first word.
    public var handshakeTimeout: Duration
    /// How long a worker may take to leave when the pool is over, before it is killed. A task that runs is cancelled.
    public var shutdownGrace: Duration
    /// How often workers may be replaced.
    public var restartLimit: RestartLimit
    /// Where the workers' standard output goes.
    public var standardOutput: ChildOutput
    /// What happens to what workers write to standard error.
    public var standardError: StandardErrorPolicy
    /// How many bytes of the end of a worker's standard error are kept for the error of a crash, beside up to 2 KiB of its
    /// beginning or from the line of a fatal error on. 0: nothing is kept.
    public var standardErrorTailSize: Int
    /// How many tasks `map` hands in before their results are taken; nil for as many as keep the workers busy.
    public var lookAhead: Int?

    /// What happens to what workers write to standard error. Its end is kept in any case.
    public enum StandardErrorPolicy: Sendable, Hashable {
        /// It goes on to the standard error of this process. When that is not read, what comes too fast is left out, with
        /// a note.
        case forwarded
        /// It goes nowhere.
        case discarded
    }

    /// How often workers may be replaced: a pool whose workers die faster fails all its tasks with
    /// `.restartLimitReached`.
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

    /// Options with their defaults; name what differs.
    public init(
        executable: Executable = .current,
        arguments: [String] = [],
        environment: ProcessEnvironment = .inherit,
        workingDirectory: String? = nil,
        handshakeTimeout: Duration = .seconds(10),
        shutdownGrace: Duration = .seconds(1),
        restartLimit: RestartLimit = .standard,
        standardOutput: ChildOutput = .inherit,
        standardError: StandardErrorPolicy = .forwarded,
        standardErrorTailSize: Int = 4096,
        lookAhead: Int? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.handshakeTimeout = handshakeTimeout
        self.shutdownGrace = shutdownGrace
        self.restartLimit = restartLimit
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.standardErrorTailSize = standardErrorTailSize
        self.lookAhead = lookAhead
    }
}
