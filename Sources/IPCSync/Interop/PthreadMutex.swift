public import IPCCore
import IPCSystem

/// A robust pthread mutex in memory that is shared with programs in C. pthread_mutexattr_setrobust(3).
///
/// ```swift
/// let mutex = try PthreadMutex(attachedTo: region, at: 0)
/// try mutex.withLockBlocking(recovering: { try rebuild(region) }) { /* alone, in all processes */ }
/// ```
///
/// For what C programs lock already. Between programs in Swift take ``ProcessMutex``, which is faster, can be held across
/// `await`, tells of an owner's death again if the repair fails, and recovers any number of locks: the kernel
/// recovers 2,048 of a thread that dies, and leaves the others locked for ever.
///
/// - **It belongs to a thread.** Whoever locks must unlock on the same thread. So the lock is held for the length of a
///   synchronous closure alone, or between ``lockBlocking(until:)`` and ``unlock()`` on a thread that the caller owns;
///   never across `await`.
/// - **Death.** When the owner's *thread* ends while it holds the mutex, the next one gets it with ``Outcome/ownerDied``,
///   and repairs. Whoever unlocks then without ``markConsistent()`` makes it unusable: `.poisoned` for all, for good
///   (ENOTRECOVERABLE), until somebody makes it anew while nobody uses it. Whoever dies in the repair passes it on: the
///   next one is told again.
/// - **glibc.** A try is made with a deadline that has passed and not with pthread_mutex_trylock(3), which up to 2.36 leaves
///   an unusable mutex locked.
/// - **Memory.** The kernel finds the mutexes of a dead thread through pointers in that process's memory: do not let go of
///   the region while any thread of the process is in lock or unlock.
public final class PthreadMutex: Sendable {
    /// What a lock that was taken means.
    public enum Outcome: Sendable, Hashable {
        /// The last owner unlocked it.
        case locked
        /// The last owner died: what it protects may be half-changed.
        case ownerDied
    }

    /// Bytes of a mutex in memory: sizeof(pthread_mutex_t), on the platform's C library. It lies at a multiple of 8.
    public static let byteCount = PthreadMutexCalls.byteCount

    private let region: SharedMemory
    private let bytes: SharedBytes

    /// Makes a mutex at `offset`, a multiple of 8: robust, shared between processes, error-checking. Nobody may use what was
    /// there before. pthread_mutex_init(3).
    ///
    /// - Throws: `.invalidArgument` for a place outside of the region; `.permissionDenied` when it is not writable.
    public convenience init(in region: SharedMemory, at offset: Int) throws(IPCError) {
        try self.init(attachedTo: region, at: offset)
        try mapping("make a mutex") { () throws(SystemCallError) in try PthreadMutexCalls.make(in: bytes) }
    }

    /// Uses a mutex that somebody has made, in C or here. It must be robust and shared between processes; nothing in the
    /// memory can prove that it is one.
    ///
    /// - Throws: as ``init(in:at:)``.
    public init(attachedTo region: SharedMemory, at offset: Int) throws(IPCError) {
        guard offset >= 0, offset % 8 == 0, region.payload.contains(offset, Self.byteCount) else {
            throw IPCError(
                .invalidArgument, "use a mutex: \(Self.byteCount) bytes at a multiple of 8 within the region are needed"
            )
        }
        guard region.access == .readWrite else {
            throw IPCError(.permissionDenied, "use a mutex: the region is not shared for writing")
        }
        self.region = region
        bytes = region.payload.slice(offset, Self.byteCount)
    }

    /// Locks if nobody has it: nil else. Never waits. The caller unlocks on the same thread, without an `await` between.
    ///
    /// - Throws: `.poisoned`; `.busy` when this thread has it.
    public func tryLock() throws(IPCError) -> Outcome? { try take(until: 0) }

    /// Locks, on a thread that the caller owns and that may block: never in a task. Unlock on the same thread.
    ///
    /// - Throws: `.timedOut`, `.poisoned`; `.busy` when this thread has it.
    public func lockBlocking(until deadline: Deadline = .never) throws(IPCError) -> Outcome {
        guard let outcome = try take(until: deadline.nanoseconds) else { throw .timedOut("lock a mutex") }
        return outcome
    }

    /// Unlocks. After ``Outcome/ownerDied`` and without ``markConsistent()``, nobody can lock it any more.
    ///
    /// - Throws: `.invalidArgument` when this thread does not hold it.
    public func unlock() throws(IPCError) {
        do throws(SystemCallError) {
            try PthreadMutexCalls.unlock(bytes)
        } catch {
            throw explain(error, "unlock a mutex")
        }
    }

    /// What the mutex protects has been repaired. By the thread that got it with ``Outcome/ownerDied``.
    ///
    /// - Throws: `.invalidArgument` when there is nothing to be repaired.
    public func markConsistent() throws(IPCError) {
        do throws(SystemCallError) {
            try PthreadMutexCalls.markConsistent(bytes)
        } catch {
            throw explain(error, "mark a mutex consistent")
        }
    }

    /// Runs `body` with the lock, on a thread that the caller owns and that may block: never in a task.
    ///
    /// If the last owner died, `recovery` runs first. If that throws, the mutex is `.poisoned` for all, and so it is without
    /// a `recovery`.
    ///
    /// - Throws: `.channel` with `.timedOut`, `.poisoned` or `.busy`; `.body` with what a closure throws.
    public func withLockBlocking<Result: ~Copyable, Failure: Error>(
        until deadline: Deadline = .never, recovering recovery: (() throws(Failure) -> Void)? = nil,
        _ body: () throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        let outcome: Outcome
        do throws(IPCError) {
            outcome = try lockBlocking(until: deadline)
        } catch {
            throw .channel(error)
        }
        return try run(outcome, recovery, body)
    }

    /// Runs `body` with the lock, in a task: it tries again every now and then, up to 16 ms after the lock was free. The
    /// closures run without a suspension, so on one thread.
    ///
    /// - Throws: as ``withLockBlocking(until:recovering:_:)``, and `.channel` with `.cancelled`.
    public func withLock<Result: ~Copyable, Failure: Error>(
        until deadline: Deadline = .never, recovering recovery: (() throws(Failure) -> Void)? = nil,
        _ body: () throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result {
        var pace = RetryPace(first: .microseconds(100), limit: .milliseconds(16))
        let point = WaitEngine.shared.makeWaitPoint()
        while true {
            let outcome: Outcome?
            do throws(IPCError) {
                outcome = try tryLock()
                if outcome == nil { try await pace.pause(at: point, until: deadline, "lock a mutex") }
            } catch {
                throw .channel(error)
            }
            // Nothing suspends between the try that succeeded and the unlock in here: the thread stays the same.
            if let outcome { return try run(outcome, recovery, body) }
        }
    }

    private func run<Result: ~Copyable, Failure: Error>(
        _ outcome: Outcome, _ recovery: (() throws(Failure) -> Void)?, _ body: () throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        // The thread has the lock, so this can only fail if somebody destroyed the mutex.
        defer { try? unlock() }
        if outcome == .ownerDied {
            guard let recovery else {
                throw .channel(
                    IPCError(
                        .poisoned, "lock a mutex: its owner died, and there is no closure that repairs what it protects"
                    ))
            }
            do throws(Failure) {
                try recovery()
            } catch {
                throw .body(error)
            }
            do throws(IPCError) {
                try markConsistent()
            } catch {
                throw .channel(error)
            }
        }
        do throws(Failure) {
            return try body()
        } catch {
            throw .body(error)
        }
    }

    private func take(until limit: UInt64) throws(IPCError) -> Outcome? {
        do throws(SystemCallError) {
            switch try PthreadMutexCalls.lock(bytes, until: limit) {
            case .locked?: return .locked
            case .ownerDied?: return .ownerDied
            case nil: return nil
            }
        } catch {
            throw explain(error, "lock a mutex")
        }
    }

    private func explain(_ error: SystemCallError, _ doing: String) -> IPCError {
        let found: (IPCError.Code, String)? =
            switch error.errno {
            case Errno.notRecoverable: (.poisoned, "its owner died, and nobody repaired it; make it anew")
            case Errno.deadlock: (.busy, "this thread has it")
            case Errno.notPermitted, Errno.invalid:
                (.invalidArgument, "this thread does not hold it, or it is no such mutex")
            default: nil
            }
        guard let found else { return IPCError(error, doing) }
        return IPCError(
            found.0, "\(doing): \(found.1)", object: nil, systemCall: error.call.rawValue, errno: error.errno)
    }
}
