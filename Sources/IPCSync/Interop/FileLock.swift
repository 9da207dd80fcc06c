public import IPCCore
import IPCSystem

/// A lock on a file, or on a range of it, that other programs can take part in. fcntl(2), open file description locks.
///
/// ```swift
/// let lock = try FileLock(at: "/var/lib/app/data.lock")
/// let held = try await lock.lock(.exclusive, until: .after(.seconds(5)))
/// // alone, in all processes
/// held.release()
/// ```
///
/// - **Who excludes whom?** Each lock that is taken has an open file of its own, so tasks, threads and processes exclude
///   each other alike, and a lock may be held across `await`. Locks of lockf(3) and `F_SETLK` of other programs count;
///   those of flock(2) do not.
/// - **Death.** The kernel drops the locks of a process when its last thread is gone. The next one is *not* told: for data
///   that a killed owner can leave half-written take ``ProcessMutex`` or ``ProcessLock``.
/// - **No upgrade.** Who has a shared lock and takes an exclusive one stands in its own way: ``tryLock(_:)`` gives nil, and a
///   wait ends at its deadline. Release, take the other, and look again at what may have changed.
/// - **Names.** The file is the name. Do not remove it while somebody may use it: whoever makes a new one has another lock.
/// - **Fork.** The child of a fork holds none of its parent's locks.
/// - **Waiting.** The kernel tells nobody that a range is free but a blocked thread. So a task tries again, at first after
///   0.1 ms and then ever later, up to 16 ms: that needs no thread for each wait, and cancellation and deadline are met at
///   once. The price is up to 16 ms until a released lock is noticed, and no order among those who wait.
public final class FileLock: Sendable {
    /// Who else may have the lock meanwhile.
    public enum Mode: Sendable, Hashable {
        /// Others that are shared.
        case shared
        /// Nobody.
        case exclusive
    }

    /// What stands in the way of a lock.
    public struct Conflict: Sendable, Hashable {
        /// The mode of the lock there.
        public let mode: Mode
        /// The process that has it; nil for a lock that belongs to an open file, such as those of this type.
        public let processID: Int32?
        /// The bytes that it covers, from this one on.
        public let start: UInt64
        /// How many bytes; nil: to the end of the file, wherever that will be.
        public let byteCount: UInt64?
    }

    /// Where the file is.
    public let path: String
    /// The bytes of the file that are locked, which need not exist; nil: all, however long it grows.
    public let range: Range<UInt64>?

    private let file: OwnedDescriptor

    var number: Int32 { file.number }
    var start: UInt64 { range?.lowerBound ?? 0 }
    var count: UInt64 { range.map { $0.upperBound - $0.lowerBound } ?? 0 }

    /// A lock on the file at `path`. Nothing is locked yet. The contents of the file are never looked at.
    ///
    /// - Parameters:
    ///   - path: an existing file that this process may write, or where to make one. No network file system.
    ///   - intent: whether to make it.
    ///   - range: the bytes to lock; nil: all of it.
    ///   - permissions: of a file that is made here.
    ///   - owner: whose file is used when there is one.
    /// - Throws: `.notFound`, `.alreadyExists`; `.permissionDenied` for a symbolic link, a foreign owner, or when the system
    ///   says no; `.invalidArgument` for an empty range.
    public init(
        at path: String, _ intent: CreationIntent = .openOrCreate, range: Range<UInt64>? = nil,
        permissions: AccessPermissions = .ownerOnly, owner: TrustedOwner = .thisUserOrRoot
    ) throws(IPCError) {
        try PathRules.check(path, "open a lock file")
        if let range, range.isEmpty || range.upperBound > UInt64(Int64.max) {
            throw IPCError(.invalidArgument, "lock a file: no bytes, or bytes that no file has", object: path)
        }
        self.path = path
        self.range = range
        file = try Self.open(path, intent, permissions, owner)
    }

    private static func open(
        _ path: String, _ intent: CreationIntent, _ permissions: AccessPermissions, _ owner: TrustedOwner
    ) throws(IPCError) -> OwnedDescriptor {
        for _ in 0..<100 {
            if intent != .create {
                do throws(IPCError) {
                    let inodePath = try CheckedFile.find(path, .regular, owner, "open a lock file")
                    return try mapping("open a lock file", object: path) { () throws(SystemCallError) in
                        try FileCalls.open(inodePath.inodePath, .readWrite)
                    }
                } catch {
                    guard intent == .openOrCreate, error.code == .notFound else { throw error }
                }
            }
            do throws(SystemCallError) {
                let made = try FileCalls.open(path, [.readWrite, .create, .exclusive, .noFollow], permissions: 0)
                do throws(SystemCallError) {
                    try FileCalls.setPermissions(made.number, permissions.rawValue)
                } catch {
                    // A lock file that nobody can open is in everybody's way.
                    try? FileCalls.unlink(path)
                    throw error
                }
                return made
            } catch {
                guard intent == .openOrCreate, error.errno == Errno.exists else {
                    throw IPCError(error, "create a lock file", object: path)
                }
            }
        }
        throw IPCError(.notFound, "open a lock file: the name comes and goes", object: path)
    }

    /// What would stand in the way of a lock of this mode at this moment; nil when nothing would. F_OFD_GETLK.
    ///
    /// - Throws: what the system says.
    public func conflict(with mode: Mode = .exclusive) throws(IPCError) -> Conflict? {
        // Through an open file of its own, which has no lock and so sees them all.
        let look = try FileLockHold(self, mode)
        let found = try mapping("look at a lock file", object: path) { () throws(SystemCallError) in
            try FileRangeCalls.conflict(look.number, mode.kernelMode, start: start, count: count)
        }
        return found.map {
            Conflict(
                mode: $0.mode == .shared ? .shared : .exclusive, processID: $0.process, start: $0.start,
                byteCount: $0.count == 0 ? nil : $0.count)
        }
    }
}

extension FileLock.Mode {
    var kernelMode: FileRangeCalls.Mode { self == .shared ? .shared : .exclusive }
}

/// An open file that has a lock, or is about to take one.
final class FileLockHold: Sendable {
    let number: Int32
    private let lock: FileLock
    private let mode: FileLock.Mode
    /// The process that opened it. In the child of a fork the number stands for nothing, or for a file of the child's.
    private let process: UInt64

    init(_ lock: FileLock, _ mode: FileLock.Mode) throws(IPCError) {
        self.lock = lock
        self.mode = mode
        process = ProcessIdentity.number
        number = try mapping("lock a file", object: lock.path) { () throws(SystemCallError) in
            try FileRangeCalls.reopenGuarded(lock.number)
        }
    }

    func tryTake() throws(IPCError) -> Bool {
        try mapping("lock a file", object: lock.path) { () throws(SystemCallError) in
            try FileRangeCalls.trySet(number, mode.kernelMode, start: lock.start, count: lock.count)
        }
    }

    /// Blocks the thread.
    func take() throws(IPCError) {
        try mapping("lock a file", object: lock.path) { () throws(SystemCallError) in
            try FileRangeCalls.set(number, mode.kernelMode, start: lock.start, count: lock.count)
        }
    }

    deinit {
        guard process == ProcessIdentity.number else { return }
        // Said explicitly: closing alone would leave the lock to a child that was forked past the handlers of fork(2).
        _ = try? FileRangeCalls.trySet(number, .unlocked, start: lock.start, count: lock.count)
        FileRangeCalls.closeGuarded(number)
    }
}
