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
    /// What ``WorkerSetUp/argument(as:)`` gives in each worker, sent in the binary codec.
    public var setUpArgument: (any Encodable & Sendable)?
    /// How long a worker may take from its start to its first word, its `setUp` included.
    public var handshakeTimeout: Duration
    /// How long a worker may take to leave when the pool is over, before it is killed. A task that runs is cancelled.
    public var shutdownGrace: Duration
    /// How long a task may go on after it was cancelled, or after the deadline of its caller, before its worker is killed
    /// and replaced; nil for as long as it likes.
    public var cancellationGrace: Duration?
    /// How often workers may be replaced that died.
    public var restartLimit: RestartLimit
    /// How many workers in a row may go in each place without having begun a task, while tasks wait: then all tasks fail with
    /// `.restartLimitReached`, also where the pauses between the deaths are too long for ``restartLimit``. It begins anew
    /// when any worker of the pool begins a task. With the usual pauses that takes some twelve seconds, and the time that the
    /// workers live.
    public var startAttempts: Int
    /// How long a place stays empty after a death.
    public var restartBackoff: RestartBackoff
    /// When workers are replaced that have done nothing wrong.
    public var recycling: WorkerRecycling
    /// Bytes that a worker may have in memory (its resident set) while it runs a task; nil for any number. The task that
    /// runs when there are more fails with `.resourceExhausted`, and the worker is replaced. It is looked at every few
    /// milliseconds; ``limits`` with ``ResourceLimit/addressSpace(_:hard:)`` is enforced by the kernel at each allocation.
    public var memoryLimit: Int?
    /// Limits that the kernel sets to each worker. setrlimit(2).
    public var limits: [ResourceLimit]
    /// The nice value of the workers, -20 (most favoured) to 19; nil inherits. setpriority(2).
    public var niceness: Int?
    /// The processors that the workers run on.
    public var processors: WorkerProcessors
    /// Where the workers' standard output goes.
    public var standardOutput: ChildOutput
    /// What happens to what workers write to standard error.
    public var standardError: StandardErrorPolicy
    /// How many bytes of the end of a worker's standard error are kept for the error of a crash, beside up to 2 KiB of its
    /// beginning or from the line of a fatal error on. 0: nothing is kept.
    public var standardErrorTailSize: Int
    /// How many tasks `map` hands in before their results are taken; nil for as many as keep the workers busy.
    public var lookAhead: Int?
    /// Encoded tasks and outputs of so many bytes go through shared memory instead of being copied through the socket: up to
    /// 4 MiB through files that are used again, beyond through a sealed file each. memfd_create(2).
    public var sharedValueSize: Int

    /// From how many bytes on a value goes as a file: never so late that a frame exceeds its limit.
    var effectiveSharedValueSize: Int { min(max(1, sharedValueSize), 64 << 20) }

    /// What happens to what workers write to standard error. Its end is kept in any case.
    public enum StandardErrorPolicy: Sendable, Hashable {
        /// It goes on to the standard error of this process. When that is not read, what comes too fast is left out, with
        /// a note.
        case forwarded
        /// It goes nowhere.
        case discarded
    }

    /// Options with their defaults; name what differs.
    public init(
        executable: Executable = .current,
        arguments: [String] = [],
        environment: ProcessEnvironment = .inherit,
        workingDirectory: String? = nil,
        setUpArgument: (any Encodable & Sendable)? = nil,
        handshakeTimeout: Duration = .seconds(10),
        shutdownGrace: Duration = .seconds(1),
        cancellationGrace: Duration? = .seconds(5),
        restartLimit: RestartLimit = .standard,
        startAttempts: Int = 20,
        restartBackoff: RestartBackoff = .standard,
        recycling: WorkerRecycling = .never,
        memoryLimit: Int? = nil,
        limits: [ResourceLimit] = [],
        niceness: Int? = nil,
        processors: WorkerProcessors = .inherit,
        standardOutput: ChildOutput = .inherit,
        standardError: StandardErrorPolicy = .forwarded,
        standardErrorTailSize: Int = 4096,
        lookAhead: Int? = nil,
        sharedValueSize: Int = 128 << 10
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.setUpArgument = setUpArgument
        self.handshakeTimeout = handshakeTimeout
        self.shutdownGrace = shutdownGrace
        self.cancellationGrace = cancellationGrace
        self.restartLimit = restartLimit
        self.startAttempts = startAttempts
        self.restartBackoff = restartBackoff
        self.recycling = recycling
        self.memoryLimit = memoryLimit
        self.limits = limits
        self.niceness = niceness
        self.processors = processors
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.standardErrorTailSize = standardErrorTailSize
        self.lookAhead = lookAhead
        self.sharedValueSize = sharedValueSize
    }
}
