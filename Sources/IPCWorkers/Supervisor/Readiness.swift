import IPCSystem

/// What a long-lived process says to whoever started it: a ``Supervisor``, systemd, or another manager that speaks
/// sd_notify(3).
///
/// ```swift
/// let listener = try SocketListener(at: address)
/// try await Readiness.announce()
/// ```
///
/// Where nobody listens (NOTIFY_SOCKET is not set) nothing is sent and nothing fails, so a program says it always.
public enum Readiness {
    /// How long to wait for room when the manager does not read.
    private static let patience = Duration.seconds(5)

    /// Says that this process is ready: READY=1.
    ///
    /// - Parameter status: a sentence for people, on one line.
    /// - Returns: whether somebody was told.
    /// - Throws: `.notFound` or `.connectionRefused` when the manager is gone; `.timedOut` when it does not read;
    ///   `.cancelled`; `.resourceExhausted`.
    @discardableResult
    public static func announce(_ status: String? = nil) async throws(IPCError) -> Bool {
        try await send("READY=1" + (status.map { "\nSTATUS=\(firstLine($0))" } ?? ""))
    }

    /// The same where it is no reason to end that the manager cannot be told: the observer is.
    static func announceIfPossible() async {
        do throws(IPCError) {
            try await announce()
        } catch {
            IPCObservation.emit(.log(level: .warning, message: "\(error)"))
        }
    }

    /// Says what this process does, on one line: STATUS=. Returns and throws as ``announce(_:)``.
    @discardableResult
    public static func report(_ status: String) async throws(IPCError) -> Bool {
        try await send("STATUS=\(firstLine(status))")
    }

    /// Says that this process is well: WATCHDOG=1. To be said at least once in ``watchdogInterval``, from the place that
    /// would stand still if the program did. Returns and throws as ``announce(_:)``.
    @discardableResult
    public static func keepAlive() async throws(IPCError) -> Bool { try await send("WATCHDOG=1") }

    /// Says that this process is about to end: STOPPING=1. Returns and throws as ``announce(_:)``.
    @discardableResult
    public static func announceStop() async throws(IPCError) -> Bool { try await send("STOPPING=1") }

    /// How often ``keepAlive()`` is expected at least: half of what WATCHDOG_USEC allows, as sd_watchdog_enabled(3) advises.
    /// nil where nobody expects it.
    public static var watchdogInterval: Duration? {
        guard let text = EnvironmentCalls.value(of: Variable.watchdog), let microseconds = Int64(text), microseconds > 1
        else { return nil }
        if let process = EnvironmentCalls.value(of: Variable.watchdogProcess), process != "\(ProcessFacts.processID)" {
            return nil
        }
        return .microseconds(microseconds / 2)
    }

    enum Variable {
        static let socket = "NOTIFY_SOCKET"
        static let watchdog = "WATCHDOG_USEC"
        static let watchdogProcess = "WATCHDOG_PID"
    }

    private static func firstLine(_ text: String) -> Substring { text.prefix { !$0.isNewline } }

    private static func send(_ text: String) async throws(IPCError) -> Bool {
        guard let address = EnvironmentCalls.value(of: Variable.socket), address.utf8.count > 1 else { return false }
        let deadline = Deadline.after(patience)
        var pace = RetryPace(first: .milliseconds(1), limit: .milliseconds(50))
        let point = WaitEngine.shared.makeWaitPoint()
        while try !mapping(
            "tell the manager of this process", object: address,
            { () throws(SystemCallError) in try NotifyCalls.send(text, to: address) })
        {
            try await pace.pause(at: point, until: deadline, "tell the manager of this process")
        }
        return true
    }
}
