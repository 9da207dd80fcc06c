import IPCSystem

/// A signal of the system, as a value: signal(7). Receiving and sending are in `IPCSignals`.
///
/// The numbers are those of Linux on x86-64 and arm64.
public struct Signal: RawRepresentable, Hashable, Sendable {
    /// The number.
    public let rawValue: Int32

    /// The signal of a number; the number is not checked.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// SIGHUP: the terminal is gone; to a daemon, by custom, "read your configuration again".
    public static let hangUp = Signal(rawValue: 1)
    /// SIGINT: Control-C.
    public static let interrupt = Signal(rawValue: 2)
    /// SIGQUIT: Control-\, ends with a core dump.
    public static let quit = Signal(rawValue: 3)
    /// SIGILL: an instruction that does not exist.
    public static let illegalInstruction = Signal(rawValue: 4)
    /// SIGTRAP: a breakpoint.
    public static let trap = Signal(rawValue: 5)
    /// SIGABRT: abort(3).
    public static let abort = Signal(rawValue: 6)
    /// SIGBUS: memory that cannot be there, as when a mapped file was cut.
    public static let busError = Signal(rawValue: 7)
    /// SIGFPE: arithmetic without a result, as in dividing an integer by zero.
    public static let floatingPointException = Signal(rawValue: 8)
    /// SIGKILL: ends the process at once; nobody can catch it.
    public static let kill = Signal(rawValue: 9)
    /// SIGUSR1: whatever the program says.
    public static let user1 = Signal(rawValue: 10)
    /// SIGSEGV: memory that is not the process's.
    public static let segmentationFault = Signal(rawValue: 11)
    /// SIGUSR2: whatever the program says.
    public static let user2 = Signal(rawValue: 12)
    /// SIGPIPE: a write to a pipe or socket that nobody reads.
    public static let brokenPipe = Signal(rawValue: 13)
    /// SIGALRM: alarm(2).
    public static let alarm = Signal(rawValue: 14)
    /// SIGTERM: please end.
    public static let terminate = Signal(rawValue: 15)
    /// SIGSTKFLT: not used.
    public static let stackFault = Signal(rawValue: 16)
    /// SIGCHLD: a child stopped, went on or ended.
    public static let child = Signal(rawValue: 17)
    /// SIGCONT: go on after a stop.
    public static let `continue` = Signal(rawValue: 18)
    /// SIGSTOP: stops the process; nobody can catch it.
    public static let stop = Signal(rawValue: 19)
    /// SIGTSTP: Control-Z.
    public static let terminalStop = Signal(rawValue: 20)
    /// SIGTTIN: a background process reads from the terminal.
    public static let terminalInput = Signal(rawValue: 21)
    /// SIGTTOU: a background process writes to the terminal.
    public static let terminalOutput = Signal(rawValue: 22)
    /// SIGURG: urgent data on a socket.
    public static let urgent = Signal(rawValue: 23)
    /// SIGXCPU: more processor time than RLIMIT_CPU.
    public static let cpuTimeExceeded = Signal(rawValue: 24)
    /// SIGXFSZ: a file larger than RLIMIT_FSIZE.
    public static let fileSizeExceeded = Signal(rawValue: 25)
    /// SIGVTALRM: a timer that counts processor time of the program.
    public static let virtualAlarm = Signal(rawValue: 26)
    /// SIGPROF: a timer that counts processor time of the program and the kernel for it.
    public static let profiling = Signal(rawValue: 27)
    /// SIGWINCH: the terminal has another size.
    public static let windowChange = Signal(rawValue: 28)
    /// SIGIO, also SIGPOLL: a descriptor is ready.
    public static let inputOutput = Signal(rawValue: 29)
    /// SIGPWR: the power fails.
    public static let powerFailure = Signal(rawValue: 30)
    /// SIGSYS: a system call that does not exist or is forbidden.
    public static let badSystemCall = Signal(rawValue: 31)

    /// The real-time signals that programs may use, lowest first: they queue, carry a value, and lower ones come first.
    public static var realTimeSignals: [Signal] { SignalNumbers.realTime.map(Signal.init(rawValue:)) }

    /// SIGRTMIN + `offset`; nil beyond SIGRTMAX or below zero. On Linux with glibc there are 31, 0 to 30.
    public static func realTime(_ offset: Int) -> Signal? {
        let range = SignalNumbers.realTime
        guard offset >= 0, offset < range.count else { return nil }
        return Signal(rawValue: range.lowerBound + Int32(offset))
    }

    /// Whether it is one of ``realTimeSignals``.
    public var isRealTime: Bool { SignalNumbers.realTime.contains(rawValue) }

    /// The name in C: "SIGTERM", "SIGRTMIN+3", or the number where there is none.
    public var name: String {
        let index = Int(rawValue)
        if Self.names.indices.contains(index), index > 0 { return "SIG" + Self.names[index] }
        guard isRealTime else { return "signal \(rawValue)" }
        let offset = rawValue - SignalNumbers.realTime.lowerBound
        return offset == 0 ? "SIGRTMIN" : "SIGRTMIN+\(offset)"
    }

    /// By number.
    private static let names = [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ]
}

extension Signal: CustomStringConvertible {
    /// The name and the number: "SIGTERM (15)".
    public var description: String { "\(name) (\(rawValue))" }
}

extension Signal: Codable {}
