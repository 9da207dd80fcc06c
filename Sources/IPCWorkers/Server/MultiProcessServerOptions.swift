public import IPCSockets

/// Everything about a ``MultiProcessServer`` but its address and the number of its workers. The defaults run this program
/// again and serve well.
public struct MultiProcessServerOptions: Sendable {
    /// The name by which other processes find its statistics: `ipcctl top NAME`, ``ServerStatistics/read(named:)``. Without
    /// one they are this process's alone.
    public var name: String?
    /// Which part of the program its workers take, where a program has several servers: what
    /// ``MultiProcessServer/serveIfWorker(role:_:)`` is called with.
    public var role: String
    /// The program of the workers. The default is the program that runs now: its very file, even if another one has taken
    /// its place since. For a rolling restart that brings a new version, name the path.
    public var executable: Executable
    /// The arguments of the workers; their `main` sees them if it looks before it serves.
    public var arguments: [String]
    /// The variables of the workers.
    public var environment: ProcessEnvironment
    /// The directory of the workers; nil for the one of this process.
    public var workingDirectory: String?
    /// Limits on what each worker may use.
    public var limits: [ResourceLimit]
    /// What each worker is given beyond its connections: regions, pipe ends and so on. Called for each that is started; it
    /// takes them with ``ServerWorker/endpoint(_:as:)``. They are closed here once it runs; a region stays.
    public var sharing: @Sendable () throws(IPCError) -> [any DescriptorTransferable]
    /// The most workers that ``MultiProcessServer/scale(to:until:)`` may ask for, up to 240.
    public var maximumWorkers: Int

    /// The permissions of a Unix socket's file, whatever the umask says. 0600, the usual: this user alone.
    public var permissions: AccessPermissions
    /// How many connections wait in the kernel's queue, at most /proc/sys/net/core/somaxconn. They wait there while workers
    /// are replaced. listen(2).
    public var backlog: Int
    /// What connections carry: a stream, or packets, which Unix sockets alone do.
    public var type: SocketType
    /// How connections come to the workers.
    public var distribution: Distribution
    /// How long to wait for an address that is in use. After the SIGKILL of a server its workers are killed by the kernel,
    /// and until the last is gone the address is theirs.
    public var addressPatience: Duration

    /// How long a worker may take from its start until it accepts.
    public var readyTimeout: Duration
    /// How long a worker may take to finish its connections when it is to leave, before it is killed. At most a century.
    public var grace: Duration { didSet { grace = Self.bounded(grace) } }
    /// How often workers may die before the server gives up with `.restartLimitReached`.
    public var restartLimit: RestartLimit
    /// How long the replacement of a worker waits that died soon after its start. The first time it does not.
    public var restartBackoff: RestartBackoff

    /// Where the workers' standard output goes.
    public var standardOutput: ChildOutput
    /// What happens to what workers write to standard error.
    public var standardError: WorkerPoolOptions.StandardErrorPolicy
    /// How many bytes of the end of a worker's standard error are kept for the error of a crash.
    public var standardErrorTailSize: Int

    /// How often workers may be replaced.
    public typealias RestartLimit = WorkerPoolOptions.RestartLimit

    /// How connections come to the workers.
    public enum Distribution: Sendable, Hashable {
        /// All workers accept from one queue, so a connection goes to one that has time. The usual.
        case oneQueue
        /// Each worker has a queue of its own, into which the kernel puts connections by the client's address: for very many
        /// short connections over TCP. A connection waits for its worker even if another one has time. SO_REUSEPORT,
        /// socket(7).
        case queuePerWorker
    }

    /// How long a place of a server, or a child of a ``Supervisor``, waits for its next process when the last ones died
    /// soon: not at all after the first death, then `initial`, and twice as long each time up to `maximum`. A process that
    /// has lived for longer than `maximum` starts the count anew. A worker that asks to be replaced soon after its start waits
    /// in the same way.
    public struct RestartBackoff: Sendable, Hashable {
        /// The wait after the second death in a row.
        public var initial: Duration
        /// The longest wait.
        public var maximum: Duration

        /// From `initial` to `maximum`.
        public init(initial: Duration, maximum: Duration) {
            self.initial = initial
            self.maximum = maximum
        }

        /// From 10 ms to 5 seconds.
        public static let standard = RestartBackoff(initial: .milliseconds(10), maximum: .seconds(5))

        /// How long to wait after so many deaths in a row.
        func delay(afterDeaths count: Int) -> Duration {
            guard count > 1, initial > .zero else { return .zero }
            var delay = initial
            for _ in 2..<count where delay < maximum { delay *= 2 }
            return min(delay, maximum)
        }
    }

    /// Options with their defaults; name what differs.
    public init(
        name: String? = nil,
        role: String = "server",
        executable: Executable = .current,
        arguments: [String] = [],
        environment: ProcessEnvironment = .inherit,
        workingDirectory: String? = nil,
        limits: [ResourceLimit] = [],
        sharing: @escaping @Sendable () throws(IPCError) -> [any DescriptorTransferable] = { [] },
        maximumWorkers: Int = 64,
        permissions: AccessPermissions = .ownerOnly,
        backlog: Int = 1024,
        type: SocketType = .stream,
        distribution: Distribution = .oneQueue,
        addressPatience: Duration = .seconds(1),
        readyTimeout: Duration = .seconds(30),
        grace: Duration = .seconds(10),
        restartLimit: RestartLimit = RestartLimit(count: 20, in: .seconds(60)),
        restartBackoff: RestartBackoff = .standard,
        standardOutput: ChildOutput = .inherit,
        standardError: WorkerPoolOptions.StandardErrorPolicy = .forwarded,
        standardErrorTailSize: Int = 4096
    ) {
        self.name = name
        self.role = role
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.limits = limits
        self.sharing = sharing
        self.maximumWorkers = maximumWorkers
        self.permissions = permissions
        self.backlog = backlog
        self.type = type
        self.distribution = distribution
        self.addressPatience = addressPatience
        self.readyTimeout = readyTimeout
        self.grace = Self.bounded(grace)
        self.restartLimit = restartLimit
        self.restartBackoff = restartBackoff
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.standardErrorTailSize = standardErrorTailSize
    }

    /// A century is for ever, and leaves room for sums.
    private static func bounded(_ grace: Duration) -> Duration { max(.zero, min(grace, .seconds(3_200_000_000))) }

    /// Refuses what cannot be.
    func check(_ addresses: [SocketAddress], workers: Int) throws(IPCError) {
        guard (1...ServerQueues.maximumAddresses).contains(addresses.count) else {
            throw IPCError(
                .invalidArgument,
                "open a server: it has 1 to \(ServerQueues.maximumAddresses) addresses, not \(addresses.count)")
        }
        guard (1...240).contains(maximumWorkers), (1...maximumWorkers).contains(workers) else {
            throw IPCError(
                .invalidArgument,
                "open a server: \(workers) workers are not from 1 to maximumWorkers (\(maximumWorkers)), which is at most 240"
            )
        }
        guard !role.isEmpty, !role.utf8.contains(0) else {
            throw IPCError(.invalidArgument, "open a server: its role must not be empty or contain a zero byte")
        }
        if let name, name.utf8.count > 200 || name.isEmpty {
            throw IPCError(.invalidName, "open a server: its name has 1 to 200 bytes", object: name)
        }
        guard distribution == .queuePerWorker else { return }
        for address in addresses where address.port == nil {
            throw IPCError(
                .invalidArgument, "open a server: only TCP ports can have a queue for each worker",
                object: address.description)
        }
        // All queues may be one worker's, which gets them in one message.
        guard addresses.count * maximumWorkers <= PassedDescriptor.maximumPerMessage else {
            throw IPCError(
                .invalidArgument,
                "open a server: \(maximumWorkers) workers with a queue of their own at each of \(addresses.count) addresses "
                    + "are too many; lower maximumWorkers")
        }
    }
}
