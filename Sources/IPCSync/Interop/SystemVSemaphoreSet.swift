public import IPCCore
import IPCSystem

/// A set of System V semaphores: counts that are changed by operations on several of them at once, all or none. semop(2).
///
/// ```swift
/// let forks = try await SystemVSemaphoreSet(key: 0x1234, .openOrCreate, initialValues: [1, 1, 1])
/// try await forks.perform([.take(0), .take(1)])     // both or none
/// try await forks.perform([.give(0), .give(1)])
/// ```
///
/// - **Death.** Operations that undo themselves (the default of ``Operation/take(_:_:undoneAtDeath:)``) are taken back by
///   the kernel when the *process* ends in whatever way: a killed holder's permits return. A value never falls below 0
///   thereby. Undo is not inherited by the child of a fork and survives exec; setting a value forgets it.
/// - **First values.** Whoever makes a set gives it all its values in one operation, after which `sem_otime` is set, and
///   everybody else waits for that. A maker who was killed in between is replaced after a second. A set of another program
///   counts as ready when `sem_otime` is set, or when it has stayed as it is for that second.
/// - **Removal** ends all waits with `.removed`.
/// - **Waiting.** These semaphores have neither a descriptor nor a futex, so a task that must wait has a thread of this
///   library meanwhile: up to 256 in a process, above which `.resourceExhausted` is thrown. It waits in slices of 25 ms,
///   between which a cancellation is seen. Who waits keeps no place in the queue: there is no order among those who wait.
/// - **Bounds.** 0 to 32,767 each. kernel.sem bounds semaphores in a set, operations in a call, sets and semaphores in all.
public final class SystemVSemaphoreSet: Sendable {
    /// The largest value of one semaphore. SEMVMX.
    public static let maximumValue = 32767

    /// The key by which others find it; 0 for one without.
    public let key: Int32
    /// The number of the set, the same in all processes of this IPC namespace.
    public let identifier: Int32
    /// How many semaphores it has.
    public let count: Int
    /// Whether it was made by this object.
    public let wasCreated: Bool

    /// Opens or makes a set. semget(2).
    ///
    /// - Parameters:
    ///   - key: what it is found by; ``key(of:project:)`` makes one of a path. 0: a set that only its number leads to.
    ///   - intent: whether to make it.
    ///   - initialValues: a value for each semaphore of a set that is made; one that is found has at least as many. Empty
    ///     for `.open`: any number.
    ///   - permissions: of one that is made here.
    ///   - deadline: until when to wait for the first values of a set that is found.
    /// - Throws: `.alreadyExists`, `.notFound`, `.permissionDenied`; `.typeMismatch` when it has too few semaphores;
    ///   `.resourceExhausted` at a limit of kernel.sem; `.invalidArgument` for values that cannot be; `.timedOut`,
    ///   `.cancelled`, `.removed`.
    public init(
        key: Int32, _ intent: CreationIntent = .openOrCreate, initialValues: [Int] = [],
        permissions: AccessPermissions = .ownerOnly, until deadline: Deadline = .never
    ) async throws(IPCError) {
        let founding = try SemaphoreSetFounding(key: key, intent, initialValues, permissions)
        (identifier, count, wasCreated) = try await founding.take(until: deadline)
        self.key = key
    }

    /// The same on the calling thread, which must not be one of Swift's own: never call it in a task.
    public init(
        blockingKey key: Int32, _ intent: CreationIntent = .openOrCreate, initialValues: [Int] = [],
        permissions: AccessPermissions = .ownerOnly, until deadline: Deadline = .never
    ) throws(IPCError) {
        let founding = try SemaphoreSetFounding(key: key, intent, initialValues, permissions)
        (identifier, count, wasCreated) = try founding.takeBlocking(until: deadline)
        self.key = key
    }

    /// Uses the set of this number. - Throws: `.notFound`, `.permissionDenied`.
    public init(identifier: Int32) throws(IPCError) {
        let status = try mapping("open a semaphore set", object: "set \(identifier)") { () throws(SystemCallError) in
            do throws(SystemCallError) {
                return try SemaphoreCalls.status(of: identifier)
            } catch {
                let isGone = error.errno == Errno.invalid || error.errno == Errno.identifierRemoved
                throw isGone ? SystemCallError(error.call, Errno.notFound) : error
            }
        }
        (key, self.identifier, count, wasCreated) = (status.key, identifier, status.count, false)
    }

    /// The key that programs agree on by a path, which must exist, and a number. ftok(3).
    ///
    /// - Throws: `.notFound`, `.permissionDenied`.
    public static func key(of path: String, project: UInt8 = 1) throws(IPCError) -> Int32 {
        try mapping("make a key", object: path) { () throws(SystemCallError) in
            try MemoryCalls.key(of: path, project: project)
        }
    }

    var object: String { key == 0 ? "set \(identifier)" : "key \(key)" }

    /// What the system's refusal means for a set that was there.
    func explain(_ error: SystemCallError, _ doing: String) -> IPCError {
        let found: (IPCError.Code, String)? =
            switch error.errno {
            case Errno.identifierRemoved, Errno.invalid: (.removed, "the set was removed")
            case Errno.outOfRange: (.invalidArgument, "a value would be above \(Self.maximumValue), or its undo")
            case Errno.fileTooLarge: (.invalidArgument, "the set has no semaphore of that number")
            case Errno.argumentListTooLong: (.invalidArgument, "more operations than kernel.sem (SEMOPM) allows")
            case Errno.noSpace: (.resourceExhausted, "too many processes have operations to undo (SEMMNU)")
            default: nil
            }
        guard let found else { return IPCError(error, doing, object: object) }
        return IPCError(
            found.0, "\(doing): \(found.1)", object: object, systemCall: error.call.rawValue, errno: error.errno)
    }
}
