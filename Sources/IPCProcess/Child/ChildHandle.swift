import IPCSystem
import Synchronization

/// The pidfd of a child and what is known of its end. The status is taken from the kernel once, by whoever looks first.
final class ChildHandle: Sendable {
    let processID: Int32
    private let pidfd: OwnedDescriptor
    private let leadsGroup: Bool

    private enum State {
        case running
        case ended(ExitStatus)
        case lost(IPCError)
    }

    private let state = Lock(State.running)
    private let isWatched = Lock(false)

    init(_ started: ProcessCalls.Started, leadsGroup: Bool) {
        processID = started.processID
        pidfd = OwnedDescriptor(owning: started.pidfd)
        self.leadsGroup = leadsGroup
    }

    private var object: String { "process \(processID)" }

    /// The status if the child has ended, taking it from the kernel (which removes the zombie); nil while it runs.
    func takeStatus() throws(IPCError) -> ExitStatus? {
        var news: IPCEvent.Outcome?
        // Outside the lock: the observer may ask, too.
        defer { if let news { IPCObservation.emit(.childExited(processID: processID, outcome: news)) } }
        // waitid does not wait here, and the lock is what makes the taker unique.
        return try state.withLock { state throws(IPCError) -> ExitStatus? in
            switch state {
            case .ended(let status): return status
            case .lost(let error): throw error
            case .running: break
            }
            do throws(SystemCallError) {
                guard let ending = try ProcessCalls.reap(pidfd.number) else { return nil }
                let status = ExitStatus(ending)
                state = .ended(status)
                news = status.outcome
                return status
            } catch {
                if let status = recordedStatus() {
                    state = .ended(status)
                    news = status.outcome
                    return status
                }
                let lost = IPCError(error, "ask how a child ended", object: object)
                state = .lost(lost)
                news = .unknown
                throw lost
            }
        }
    }

    /// What the kernel remembers of a child whose status another part of the program took (waitpid(-1), or SIGCHLD
    /// ignored). Before Linux 6.15: nothing.
    private func recordedStatus() -> ExitStatus? {
        guard let ending = try? ProcessCalls.recordedEnding(pidfd.number) else { return nil }
        return ExitStatus(ending)
    }

    /// Whether the status was taken or lost: there is nothing left to wait for.
    var isSettled: Bool {
        state.withLock { state in
            if case .running = state { false } else { true }
        }
    }

    /// Waits until the child has ended, and leaves its status in the kernel. Any number of tasks may wait.
    func waitForEnd(until deadline: Deadline) async throws(IPCError) {
        if isSettled { return }
        // A registration has one waiting task: the first one brings the pidfd, each other one a duplicate.
        let isFirst = isWatched.withLock { isWatched in
            defer { isWatched = true }
            return !isWatched
        }
        guard !isFirst else {
            defer { isWatched.withLock { $0 = false } }
            return try await waitForEnd(watching: pidfd.number, until: deadline)
        }
        let own = try mapping("wait for a child", object: object) { () throws(SystemCallError) in
            try DescriptorCalls.duplicate(pidfd.number)
        }
        // By number: the compiler may end the life of an owned value after its last use, before the wait is over.
        defer { closeDescriptor(own) }
        try await waitForEnd(watching: own, until: deadline)
    }

    private func waitForEnd(watching number: Int32, until deadline: Deadline) async throws(IPCError) {
        let registration = try WaitEngine.shared.register(number)
        defer { WaitEngine.shared.unregister(registration) }
        while !hasEnded {
            do throws(IPCError) {
                try await registration.waitReadable(until: deadline, "wait for a child")
            } catch {
                throw error.about(object)
            }
        }
    }

    /// Takes the status when the child ends, for nobody: so that no zombie stays.
    func reapEventually() async {
        while !isSettled {
            try? await waitForEnd(until: .never)
            _ = try? takeStatus()
            // Only where the child cannot be waited for, for lack of memory: look again later.
            if !isSettled { try? await Task.sleep(for: .seconds(1)) }
        }
    }

    /// Whether the child has ended, without taking its status.
    private var hasEnded: Bool {
        if isSettled { return true }
        // Readable is what a pidfd of an ended process is; errors mean that there is nothing to wait for.
        return (try? ProcessCalls.hasEnded(pidfd.number)) ?? true
    }

    /// pidfd_send_signal(2) to the child alone.
    func signal(_ signal: Signal) throws(IPCError) {
        try mapping("send \(signal) to a child", object: object) { () throws(SystemCallError) in
            try ProcessCalls.signal(pidfd.number, signal.rawValue)
        }
    }

    /// The same with a value.
    func queue(_ signal: Signal, value: UInt64) throws(SystemCallError) {
        try SignalSending.queue(pidfd: pidfd.number, signal.rawValue, value: value)
    }

    /// Sends a signal to the child and everything in the group that it leads, even after the child itself has ended.
    ///
    /// - Returns: false when there was nobody left.
    @discardableResult
    func signalTree(_ signal: Signal) throws(IPCError) -> Bool {
        do throws(SystemCallError) {
            guard leadsGroup else {
                try ProcessCalls.signal(pidfd.number, signal.rawValue)
                return true
            }
            do {
                try ProcessCalls.signalGroup(pidfd.number, signal.rawValue)
            } catch  where error.errno == Errno.invalid {
                return try signalGroupByNumber(signal)
            }
            return true
        } catch  where error.errno == Errno.noSuchProcess {
            return false
        } catch {
            throw IPCError(error, "send \(signal) to a child and its group", object: object)
        }
    }

    /// Before Linux 6.9. The number of the group is the child's, and cannot belong to another one until the child's
    /// status is taken, which the lock holds off.
    private func signalGroupByNumber(_ signal: Signal) throws(SystemCallError) -> Bool {
        try state.withLock { state throws(SystemCallError) in
            guard case .running = state else { return false }
            try ProcessCalls.signalGroup(numbered: processID, signal.rawValue)
            return true
        }
    }
}
