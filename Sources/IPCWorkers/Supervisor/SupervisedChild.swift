import IPCSystem

/// One child of a ``Supervisor``: a program, or a supervisor with children of its own. A description; nothing runs yet.
public struct SupervisedChild: Sendable {
    /// When a child that has ended is started again.
    public enum Restart: Sendable, Hashable {
        /// Always: it is to run as long as the supervisor.
        case permanent
        /// When it ended by a signal or with another code than 0, or was ended because it was not well.
        case transient
        /// Never.
        case temporary
    }

    /// When a child counts as ready, so that the next one is started.
    public enum ReadyWhen: Sendable, Hashable {
        /// As soon as it runs.
        case started
        /// When it has said so (``Readiness/announce(_:)``, or READY=1 of sd_notify(3)); it is ended and counts as crashed when
        /// it does not within this time.
        case announced(within: Duration)
    }

    /// How it is found out that a child is not well though it runs. It is killed then, and counts as crashed.
    public struct HealthCheck: Sendable {
        enum Kind: Sendable {
            case watchdog
            case probe(failures: Int, @Sendable (Int32) async throws -> Void)
        }

        let interval: Duration
        let kind: Kind

        /// The child says that it is well (``Readiness/keepAlive()``, or WATCHDOG=1 of sd_notify(3)) at least once in
        /// `interval`, from when it is ready on.
        public static func watchdog(every interval: Duration) -> HealthCheck {
            HealthCheck(interval: interval, kind: .watchdog)
        }

        /// `probe` is run every `interval` with the child's process id, once it is ready. It has failed when it throws, or has
        /// not returned after another `interval`; so many failures in a row mean that the child is not well.
        public static func probe(
            every interval: Duration, failures: Int = 3, _ probe: @escaping @Sendable (Int32) async throws -> Void
        ) -> HealthCheck {
            HealthCheck(interval: interval, kind: .probe(failures: max(1, failures), probe))
        }
    }

    /// Where the output of a child goes.
    public enum Output: Sendable, Hashable {
        /// Where this process writes.
        case inherited
        /// Line by line to the standard error of this process, after `[name] `, both streams. The end of its standard error
        /// is kept for the error of a crash.
        case prefixed
        /// Nowhere. The end of its standard error is kept.
        case discarded
    }

    struct Program: Sendable {
        var executable: Executable
        var arguments: [String]
        var options: ChildProcess.Options
        var endpoints: @Sendable () throws(IPCError) -> [any DescriptorTransferable]
        var output: Output
    }

    enum Kind: Sendable {
        case program(Program)
        case supervisor(SupervisorOptions, [SupervisedChild])
    }

    /// Its name, which events and errors have; children of one supervisor have different ones.
    public let name: String
    /// When it is started again.
    public var restart: Restart
    /// When it is ready.
    public var readyWhen: ReadyWhen
    /// How it is found out that it is not well; nil: only its end counts.
    public var healthCheck: HealthCheck?
    /// How long it may take to end when it is asked to, before it is killed.
    public var grace: Duration
    let kind: Kind

    /// A program that runs as long as it is needed.
    ///
    /// - Parameters:
    ///   - name: its name here.
    ///   - executable: the program.
    ///   - arguments: what follows argv[0].
    ///   - options: everything else about the process. What they say of standard output and standard error counts for
    ///     ``Output/inherited`` alone.
    ///   - restart: when it is started again.
    ///   - readyWhen: when the next child may be started.
    ///   - healthCheck: how it is found out that it is not well.
    ///   - grace: how long it may take to end.
    ///   - output: where its output goes.
    ///   - transferring: what it is given, each time that it is started.
    public static func program(
        _ name: String, _ executable: Executable, arguments: [String] = [],
        options: ChildProcess.Options = ChildProcess.Options(), restart: Restart = .permanent,
        readyWhen: ReadyWhen = .started, healthCheck: HealthCheck? = nil, grace: Duration = .seconds(5),
        output: Output = .prefixed,
        transferring: @escaping @Sendable () throws(IPCError) -> [any DescriptorTransferable] = { [] }
    ) -> SupervisedChild {
        SupervisedChild(
            name: name, restart: restart, readyWhen: readyWhen, healthCheck: healthCheck, grace: grace,
            kind: .program(
                Program(
                    executable: executable, arguments: arguments, options: options, endpoints: transferring,
                    output: output)))
    }

    /// A supervisor with children of its own. It is ready when they are, and it crashes when it gives up: then it is
    /// started again with all of them, if that is what `restart` says.
    public static func supervisor(
        _ name: String, options: SupervisorOptions = SupervisorOptions(), restart: Restart = .permanent,
        _ children: [SupervisedChild]
    ) -> SupervisedChild {
        SupervisedChild(
            name: name, restart: restart, readyWhen: .started, healthCheck: nil, grace: .zero,
            kind: .supervisor(options, children))
    }

    /// Refuses what cannot be.
    static func check(_ children: [SupervisedChild]) throws(IPCError) {
        let names = Set(children.map(\.name))
        guard names.count == children.count, !names.contains(""), names.allSatisfy({ !$0.contains("/") }) else {
            throw IPCError(
                .invalidArgument,
                "supervise: the children of a supervisor have different names, not empty, without a slash",
                object: children.map(\.name).joined(separator: ", "))
        }
        for child in children {
            if let interval = child.healthCheck?.interval, interval <= .zero {
                throw IPCError(
                    .invalidArgument, "supervise: the interval of a health check is positive", object: child.name)
            }
            if case .supervisor(_, let inner) = child.kind { try check(inner) }
        }
    }
}

/// How a ``Supervisor`` deals with children that have ended.
public struct SupervisorOptions: Sendable {
    /// Who is started again with a child that has crashed.
    public enum Strategy: Sendable, Hashable {
        /// That child alone: the children do without each other.
        case oneForOne
        /// All: they cannot do without each other. The others are stopped in reverse order, and all are started in order.
        case oneForAll
        /// That child and those after it, which may depend on it.
        case restForOne
    }

    /// Who is started again with a child that has crashed.
    public var strategy: Strategy
    /// How often children may be started again before the supervisor gives up, stops all of them, and crashes itself.
    public var restartLimit: RestartLimit
    /// How long a child that crashed soon after its start waits to be started again; the first time it does not.
    public var restartBackoff: MultiProcessServerOptions.RestartBackoff

    /// So many restarts in so much time.
    public typealias RestartLimit = WorkerPoolOptions.RestartLimit

    /// One for one, and 5 restarts in 10 seconds.
    public init(
        strategy: Strategy = .oneForOne, restartLimit: RestartLimit = RestartLimit(count: 5, in: .seconds(10)),
        restartBackoff: MultiProcessServerOptions.RestartBackoff = .standard
    ) {
        self.strategy = strategy
        self.restartLimit = restartLimit
        self.restartBackoff = restartBackoff
    }
}
