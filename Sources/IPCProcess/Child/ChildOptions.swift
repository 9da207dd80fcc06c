import IPCSystem

extension ChildProcess {
    /// Everything about a child but its program and arguments. The defaults make a well-behaved helper: it reads
    /// nothing, writes where this process writes, and goes down with this process.
    public struct Options: Sendable {
        /// Its variables.
        public var environment: ProcessEnvironment
        /// Its directory; nil for the one of this process.
        public var workingDirectory: String?
        /// Where its standard input comes from.
        public var standardInput: ChildInput
        /// Where its standard output goes.
        public var standardOutput: ChildOutput
        /// Where its standard error goes.
        public var standardError: ChildOutput
        /// The process group that it joins or makes.
        public var processGroup: Group
        /// The signal that the kernel sends it when this process dies, whatever way; nil for none. Programs that
        /// change user or gain capabilities when they start (set-user-ID) lose it. PR_SET_PDEATHSIG, prctl(2).
        public var parentDeathSignal: Signal?
        /// Limits on what it may use; those not named are inherited.
        public var limits: [ResourceLimit]
        /// Its nice value, -20 (most favoured) to 19; nil inherits. Below the own one needs privilege. setpriority(2).
        public var niceness: Int?
        /// The processors that it may run on, by number; nil inherits. sched_setaffinity(2).
        public var processors: [Int]?
        /// Its file mode creation mask, for example 0o077; nil inherits. umask(2).
        public var creationMask: UInt32?
        /// argv[0]; nil for the name of the executable.
        public var programName: String?

        /// Options with their defaults; name what differs.
        public init(
            environment: ProcessEnvironment = .inherit,
            workingDirectory: String? = nil,
            standardInput: ChildInput = .null,
            standardOutput: ChildOutput = .inherit,
            standardError: ChildOutput = .inherit,
            processGroup: Group = .own,
            parentDeathSignal: Signal? = .kill,
            limits: [ResourceLimit] = [],
            niceness: Int? = nil,
            processors: [Int]? = nil,
            creationMask: UInt32? = nil,
            programName: String? = nil
        ) {
            self.environment = environment
            self.workingDirectory = workingDirectory
            self.standardInput = standardInput
            self.standardOutput = standardOutput
            self.standardError = standardError
            self.processGroup = processGroup
            self.parentDeathSignal = parentDeathSignal
            self.limits = limits
            self.niceness = niceness
            self.processors = processors
            self.creationMask = creationMask
            self.programName = programName
        }

        /// Whether the child dies when this process does. Setting it chooses SIGKILL or no signal.
        public var diesWithParent: Bool {
            get { parentDeathSignal != nil }
            set { parentDeathSignal = newValue ? (parentDeathSignal ?? .kill) : nil }
        }
    }

    /// The process group of a child. setpgid(2).
    public enum Group: Sendable, Hashable {
        /// One of its own, so that the child and all that it starts can be ended together. Control-C in a terminal does
        /// not reach it, and reading the terminal stops it.
        case own
        /// The one of this process: a terminal's signals go to both. Only the child itself can be ended then.
        case inherit
        /// A session of its own, without a terminal. setsid(2).
        case session

        var raw: SpawnRequest.Group {
            switch self {
            case .own: .own
            case .inherit: .inherited
            case .session: .session
            }
        }

        /// Whether the child leads the group.
        var isLed: Bool { self != .inherit }
    }
}
