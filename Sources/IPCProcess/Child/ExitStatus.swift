import IPCSystem

/// How a process ended. waitid(2).
public enum ExitStatus: Sendable, Hashable {
    /// It ended by itself with this code, 0 to 255. 0 means success by convention.
    case exited(Int32)
    /// A signal ended it.
    case signaled(Signal, coreDumped: Bool)

    /// Whether it exited with 0.
    public var isSuccess: Bool { self == .exited(0) }

    /// The code as a shell shows it in `$?`: the exit code, or 128 and the number of the signal.
    public var shellCode: Int32 {
        switch self {
        case .exited(let code): code
        case .signaled(let signal, _): 128 + signal.rawValue
        }
    }

    /// This status if it is success.
    ///
    /// - Throws: `.processFailed` that says how the process ended.
    @discardableResult
    public func checked() throws(IPCError) -> ExitStatus {
        guard isSuccess else {
            throw IPCError(.processFailed, "the program \(self); see its standard error for the reason")
        }
        return self
    }

    /// The same for ``IPCEvent``.
    package var outcome: IPCEvent.Outcome {
        switch self {
        case .exited(let code): .exited(status: code)
        case .signaled(let signal, _): .killed(by: signal)
        }
    }

    init(_ ending: ProcessCalls.Ending) {
        switch ending {
        case .exited(let code): self = .exited(code)
        case .killed(let signal, let dumpedCore): self = .signaled(Signal(rawValue: signal), coreDumped: dumpedCore)
        }
    }
}

extension ExitStatus: CustomStringConvertible {
    /// A verb phrase: "exited with 1", "was ended by SIGKILL".
    public var description: String {
        switch self {
        case .exited(let code): "exited with \(code)"
        case .signaled(let signal, let coreDumped): "was ended by \(signal)\(coreDumped ? " (core dumped)" : "")"
        }
    }
}
