public import IPCCore
import IPCSystem

/// A signal that arrived, with what the kernel tells of it: siginfo_t, sigaction(2).
public struct SignalEvent: Sendable, Hashable {
    /// Where a signal comes from.
    public enum Origin: Sendable, Hashable {
        /// kill(2), tgkill(2) or raise(3) of a process.
        case process
        /// sigqueue(3) and its like: with a value. The sender states who it is, so believe it only as far as you trust
        /// whoever may send you signals.
        case queued
        /// The kernel itself: a child, a terminal, a limit.
        case kernel
        /// timer_create(2), with the value that was given there; or sigqueue(3) by somebody who says so.
        case timer
        /// mq_notify(3), with the value that was given there; or sigqueue(3) by somebody who says so.
        case messageQueue
        /// Something else; see ``SignalEvent/code``.
        case other
    }

    /// What became of a child, as SIGCHLD tells. Several children may share one SIGCHLD: treat it as a hint.
    public enum ChildChange: Sendable, Hashable {
        /// It returned this status.
        case exited(status: Int32)
        /// This signal ended it.
        case killed(by: Signal)
        /// This signal ended it, and it left a core dump.
        case dumpedCore(by: Signal)
        /// A debugger stopped it.
        case trapped(by: Signal)
        /// This signal stopped it.
        case stopped(by: Signal)
        /// It goes on.
        case continued
    }

    /// Which signal.
    public let signal: Signal
    /// Where it comes from.
    public let origin: Origin
    /// si_code as it is.
    public let code: Int32
    /// The process that sent it, or the child that it is about; nil where there is none. Its number may be reused by now.
    public let processID: Int32?
    /// The real user of that process.
    public let userID: UInt32?
    /// The 64 bits of the value that came along (`sival_ptr`); nil where none can.
    public let rawValue: UInt64?
    /// What became of a child; nil for other signals than SIGCHLD.
    public let child: ChildChange?

    /// The value that came along as sigqueue(3)'s callers mostly give it (`sival_int`): the low 32 bits.
    public var value: Int32? { rawValue.map { Int32(truncatingIfNeeded: $0) } }

    init(_ record: SignalRecord) {
        signal = Signal(rawValue: record.signal)
        code = record.code
        origin = Self.origin(record.code)
        child = record.signal == Signal.child.rawValue ? Self.change(record) : nil
        switch origin {
        case .process, .queued:
            processID = record.process
            userID = record.user
        case .messageQueue:
            processID = record.process
            userID = record.user
        case .kernel, .timer, .other:
            processID = child == nil ? nil : record.process
            userID = child == nil ? nil : record.user
        }
        switch origin {
        case .queued, .timer, .messageQueue: rawValue = record.value
        case .process, .kernel, .other: rawValue = nil
        }
    }

    private static func origin(_ code: Int32) -> Origin {
        switch code {
        case 0, -6: .process
        case -1: .queued
        case -2: .timer
        case -3: .messageQueue
        case 1...: .kernel
        default: .other
        }
    }

    private static func change(_ record: SignalRecord) -> ChildChange? {
        let signal = Signal(rawValue: record.status)
        switch record.code {
        case 1: return .exited(status: record.status)
        case 2: return .killed(by: signal)
        case 3: return .dumpedCore(by: signal)
        case 4: return .trapped(by: signal)
        case 5: return .stopped(by: signal)
        case 6: return .continued
        default: return nil
        }
    }
}

extension SignalEvent: CustomStringConvertible {
    /// The signal, and who sent it: "SIGTERM (15) from process 123 of user 0".
    public var description: String {
        var text = "\(signal)"
        if let processID { text += " from process \(processID)" }
        if let userID { text += " of user \(userID)" }
        if let value { text += ", value \(value)" }
        if let child { text += ", \(child)" }
        return text
    }
}
