public import IPCCore
public import IPCSharedMemory
import IPCSystem

/// A value that several processes share, with a lock that survives its owner: whoever is killed while it has the lock
/// leaves the value as it was before, whole, and the next one gets both.
///
/// ```swift
/// struct Account: PlainData { var balance = 0; var changes = 0 }
///
/// let account = try await ProcessMutex<Account>(at: .named("account"), .openOrCreate, initial: Account())
/// try await account.withLock { account in
///     account.balance += 10
///     account.changes += 1
/// }
/// ```
///
/// - **Crash-atomic**: the closure works on a copy, and one store at the end makes it the value. Killed at any instant,
///   others see all of a change or nothing of it. A closure that throws has changed what it has changed, as any `inout`.
/// - **Cost**: uncontended, two atomic exchanges and one copy of the value, no system call, no allocation.
/// - **Tasks**: a task waits without blocking a thread. To hold the lock across `await`, take a ``Guard`` with
///   ``lock(until:)``; the closures are synchronous.
/// - **Not recursive**: who locks what it holds gets `.busy`, as far as that can be told; through another handle it waits
///   until its deadline. A lock belongs to a process, so it could not tell a task that comes back from another one that
///   must wait. Instead, let the function that locks call one that takes the value: `func add(to account: inout Account)`.
/// - **Order**: who waits within a process is served in order; between processes newcomers may be faster, until somebody
///   has waited for a millisecond.
/// - **Fork without exec**: `.participantLost` in the child.
///
/// Any number of handles of any number of processes may stand for one mutex. See ``SyncRegion`` for many in one region.
public final class ProcessMutex<Value: PlainData>: SyncObject {
    @usableFromInline let core: MutexCore

    /// The region that it lies in.
    public var region: SyncRegion { core.region }

    /// What listings call it.
    public static var objectKinds: Set<SyncObjectKind> { [.mutex] }

    init(_ core: MutexCore) { self.core = core }

    /// A mutex in a region of its own: a new one has the value `initial`, and `maximumProcesses` processes may use it at the
    /// same time. Its conditions lie in the same region: `mutex.region.condition("changed")`.
    ///
    /// - Throws: as ``SyncRegion`` does; `.typeMismatch` when the region has another object or another type of value.
    public convenience init(
        at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .create, initial: Value,
        maximumProcesses: Int = 64, memory: SharedMemoryOptions = SharedMemoryOptions(),
        until deadline: Deadline = .never
    ) async throws(IPCError) {
        let found = try await OwnRegion(place, intent, maximumProcesses, memory).open(
            until: deadline, { _ throws(IPCError) in try .mutex(of: Value.self) },
            { MutexCore.initialize($0, initial) })
        self.init(found.region.core(of: found.bytes, Value.self))
    }

    /// The same on a thread that may block.
    public convenience init(
        blockingAt place: SharedMemoryPlace, _ intent: CreationIntent = .create, initial: Value,
        maximumProcesses: Int = 64, memory: SharedMemoryOptions = SharedMemoryOptions(),
        until deadline: Deadline = .never
    ) throws(IPCError) {
        let found = try OwnRegion(place, intent, maximumProcesses, memory).openBlocking(
            until: deadline, { _ throws(IPCError) in try .mutex(of: Value.self) },
            { MutexCore.initialize($0, initial) })
        self.init(found.region.core(of: found.bytes, Value.self))
    }

    /// Who has it now; nil when it is free.
    public var holder: LockHolder? { core.lock.holder }
}

extension SyncObjectType {
    static func mutex<Value: PlainData>(of type: Value.Type) throws(IPCError) -> SyncObjectType {
        guard MemoryLayout<Value>.alignment <= 64 else {
            throw IPCError(
                .invalidArgument,
                "share \(type): it wants an alignment of \(MemoryLayout<Value>.alignment) bytes; 64 is "
                    + "the most")
        }
        return SyncObjectType(
            kind: SyncObjectKind.mutex.rawValue, name: "a mutex", fingerprint: PlainDataFingerprint.of(type),
            content: PlainDataFingerprint.words(for: type),
            byteCount: MutexCore.byteCount(MemoryLayout<Value>.size, MemoryLayout<Value>.alignment))
    }
}

extension SyncRegion {
    /// A mutex of this region, whose name has up to 96 bytes; a new one has the value `initial`.
    ///
    /// - Throws: `.typeMismatch`, `.wrongVersion` when the name stands for something else; `.notFound`, `.alreadyExists`;
    ///   `.resourceExhausted` when there is no room; `.invalidName`, `.invalidArgument`.
    public func mutex<Value: PlainData>(
        _ name: String, of type: Value.Type = Value.self, _ intent: CreationIntent = .openOrCreate, initial: Value
    ) throws(IPCError) -> ProcessMutex<Value> {
        ProcessMutex(try mutexCore(name, of: type, intent, initial))
    }

    /// A mutex of this region that is there.
    public func mutex<Value: PlainData>(
        _ name: String, of type: Value.Type = Value.self
    ) throws(IPCError) -> ProcessMutex<Value> {
        let layout = try SyncObjectType.mutex(of: type)
        return ProcessMutex(core(of: try object(name, layout, .open) { _ in }, type))
    }

    func mutexCore<Value: PlainData>(
        _ name: String, of type: Value.Type, _ intent: CreationIntent, _ initial: Value
    ) throws(IPCError) -> MutexCore {
        let layout = try SyncObjectType.mutex(of: type)
        return core(of: try object(name, layout, intent) { MutexCore.initialize($0, initial) }, type)
    }

    func core<Value: PlainData>(of bytes: SharedBytes, _ type: Value.Type) -> MutexCore {
        MutexCore(bytes, self, valueByteCount: MemoryLayout<Value>.size, alignment: MemoryLayout<Value>.alignment)
    }
}
