public import IPCCore
import IPCSystem

/// A process that is meant for good: by a pidfd, which never means another process that got the same number. pidfd_open(2).
///
/// ```swift
/// let server = try ProcessReference(processID: number)
/// try server.send(.hangUp)
/// ```
///
/// A child has one already: `ChildProcess.send(_:)`.
public final class ProcessReference: Sendable {
    /// Its number, for people and logs.
    public let processID: Int32
    private let stream: StreamDescriptor
    private let waiters = TaskLock()

    /// Refers to the process that has the number now.
    ///
    /// - Throws: `.notFound` when there is none; `.invalidArgument` for 0 and below, and for a thread that is not a process's
    ///   first; `.resourceExhausted` without a descriptor.
    public init(processID: Int32) throws(IPCError) {
        let pidfd = try mapping("refer to a process", object: "process \(processID)") {
            () throws(SystemCallError) in
            try SignalSending.open(process: processID)
        }
        self.processID = processID
        stream = try StreamDescriptor(pidfd, kind: .pipe, uses: 1)
    }

    deinit { stream.endUse() }

    /// Sends a signal to it. pidfd_send_signal(2).
    ///
    /// - Throws: `.notFound` once it has ended, `.permissionDenied`, `.invalidArgument` for what is no signal.
    public func send(_ signal: Signal) throws(IPCError) {
        try Signals.check(signal)
        try mapping("send \(signal)", object: "process \(processID)") { () throws(SystemCallError) in
            try ProcessCalls.signal(stream.number, signal.rawValue)
        }
    }

    /// Sends a signal with a value to it.
    ///
    /// - Throws: `.resourceExhausted` at the user's RLIMIT_SIGPENDING; else as ``send(_:)``.
    public func send(_ signal: Signal, value: Int32) throws(IPCError) {
        try Signals.check(signal)
        do throws(SystemCallError) {
            try SignalSending.queue(
                pidfd: stream.number, signal.rawValue, value: UInt64(UInt32(bitPattern: value)))
        } catch {
            throw .sendingSignal(error, signal, "process \(processID)")
        }
    }

    /// Whether it has ended.
    public var hasEnded: Bool {
        // A pidfd is readable from the end of its process on.
        ((try? PipeCalls.readiness(stream.number, for: .readable)) ?? [.readable]).contains(.readable)
    }

    /// Waits until it has ended; its parent learns how. Any number of tasks may wait.
    ///
    /// - Throws: `.timedOut`, `.cancelled`.
    public func waitForEnd(until deadline: Deadline = .never) async throws(IPCError) {
        if hasEnded { return }
        try await waiters.acquire(until: deadline, "wait for the end of a process")
        defer { _ = waiters.release() }
        while !hasEnded {
            try await stream.registration.waitReadable(until: deadline, "wait for the end of a process")
        }
    }
}

extension ProcessReference: CustomStringConvertible {
    /// The number.
    public var description: String { "ProcessReference(\(processID))" }
}
