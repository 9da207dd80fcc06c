public import IPCCore
package import IPCSystem

/// Whom a signal goes to.
public enum SignalTarget: Sendable, Hashable {
    /// A process, by number. Once that process is gone another one may have the number: where that matters, hold a
    /// ``ProcessReference``.
    case process(Int32)
    /// All processes of a group, by number. kill(2).
    case group(Int32)
    /// This process.
    case currentProcess
    /// The process that started this one; the one that has taken its place if it is gone.
    case parent
    /// All processes of the group that this one is in, this one too.
    case ownGroup
}

extension SignalTarget: CustomStringConvertible {
    /// "process 12", "group 12".
    public var description: String {
        switch self {
        case .process(let number): "process \(number)"
        case .group(let number): "group \(number)"
        case .currentProcess: "this process"
        case .parent: "the parent"
        case .ownGroup: "the own group"
        }
    }
}

extension Signals {
    /// Sends a signal. kill(2).
    ///
    /// A standard signal (not `Signal.isRealTime`) that the receiver has not handled yet swallows further ones.
    ///
    /// - Throws: `.notFound` when there is no such process; `.permissionDenied`; `.invalidArgument` for a number that is no
    ///   signal, or no single process or group (0 and below).
    public static func send(_ signal: Signal, to target: SignalTarget) throws(IPCError) {
        let number = try number(of: target, signal)
        try mapping("send \(signal)", object: "\(target)") { () throws(SystemCallError) in
            try SignalSending.send(number, signal.rawValue)
        }
    }

    /// Sends a signal with a value to a process. rt_sigqueueinfo(2), as sigqueue(3).
    ///
    /// - Throws: `.resourceExhausted` when the receiver's user has as many signals on their way as RLIMIT_SIGPENDING allows;
    ///   `.invalidArgument` for a group; else as ``send(_:to:)``.
    public static func send(_ signal: Signal, value: Int32, to target: SignalTarget) throws(IPCError) {
        let number = try number(of: target, signal)
        guard number > 0 else {
            throw IPCError(.invalidArgument, "send a signal with a value: it goes to one process", object: "\(target)")
        }
        do throws(SystemCallError) {
            try SignalSending.queue(number, signal.rawValue, value: UInt64(UInt32(bitPattern: value)))
        } catch {
            throw .sendingSignal(error, signal, "\(target)")
        }
    }

    private static func number(of target: SignalTarget, _ signal: Signal) throws(IPCError) -> Int32 {
        try check(signal)
        switch target {
        case .process(let number) where number > 0: return number
        // Group 1 would be kill(-1): everybody.
        case .group(let number) where number > 1: return -number
        case .currentProcess: return ProcessFacts.processID
        case .parent where SignalSending.parentProcessID > 0: return SignalSending.parentProcessID
        case .parent:
            // 0 would be the own group.
            throw IPCError(.notFound, "send \(signal): the parent is in another pid namespace", object: "\(target)")
        case .ownGroup: return 0
        case .group(1):
            throw IPCError(
                .invalidArgument, "send \(signal): group 1 means every process to kill(2), so it is refused",
                object: "\(target)")
        case .process, .group:
            throw IPCError(.invalidArgument, "send \(signal): there is no such process or group", object: "\(target)")
        }
    }

    /// - Throws: `.invalidArgument` for what is no signal.
    static func check(_ signal: Signal) throws(IPCError) {
        guard (1...31).contains(signal.rawValue) || signal.isRealTime else {
            throw IPCError(.invalidArgument, "send a signal: there is none of that number", object: signal.name)
        }
    }
}

extension IPCError {
    /// What a failed call that sends a signal means; EAGAIN names the limit.
    package static func sendingSignal(_ error: SystemCallError, _ signal: Signal, _ object: String) -> IPCError {
        guard error.errno == Errno.wouldBlock else { return IPCError(error, "send \(signal)", object: object) }
        return .signalQueueFull(signal, object)
    }

    /// The kernel queues no more signals for that user.
    static func signalQueueFull(_ signal: Signal, _ object: String) -> IPCError {
        IPCError(
            .resourceExhausted,
            "send \(signal): the receiver's user has RLIMIT_SIGPENDING (here \(SignalSending.queueLimit)) signals on "
                + "their way; let it receive some, or raise the limit (ulimit -i)",
            object: object, systemCall: "rt_sigqueueinfo", errno: Errno.wouldBlock)
    }
}
