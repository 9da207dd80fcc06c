extension Signal {
    /// What the kernel does with a signal that a process neither handles nor ignores: signal(7).
    public enum DefaultAction: Sendable, Hashable {
        /// The process ends.
        case terminate
        /// The process ends and leaves a core dump, where those are on.
        case dumpCore
        /// Nothing.
        case ignore
        /// The process stops until it gets SIGCONT.
        case stop
        /// A process that is stopped goes on.
        case `continue`
    }

    /// What happens to a process that neither handles nor ignores it.
    public var defaultAction: DefaultAction {
        switch self {
        case .quit, .illegalInstruction, .trap, .abort, .busError, .floatingPointException, .segmentationFault,
            .cpuTimeExceeded, .fileSizeExceeded, .badSystemCall:
            .dumpCore
        case .child, .urgent, .windowChange: .ignore
        case .stop, .terminalStop, .terminalInput, .terminalOutput: .stop
        case .continue: .continue
        default: .terminate
        }
    }

    /// The signal of a name in C, with or without its "SIG": "SIGTERM", "HUP", "SIGRTMIN+3". Nil for any other text.
    public init?(named name: String) {
        let full = name.hasPrefix("SIG") ? name : "SIG" + name
        let all = (1...31).map { Signal(rawValue: $0) } + Self.realTimeSignals
        guard let found = all.first(where: { $0.name == full }) else { return nil }
        self = found
    }
}
