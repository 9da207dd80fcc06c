public import IPCCore
public import IPCSharedMemory
import IPCSystem

/// Bytes that several processes change in place, with a lock that survives its owner: the one after a dead owner repairs
/// what that one left, before anybody else sees it.
///
/// ```swift
/// let table = try await ProcessLock(at: .named("table"), .openOrCreate, byteCount: 65536) { bytes in
///     try rebuildIndex(&bytes)
/// }
/// try await table.withLock { bytes in insert(entry, into: &bytes) }
/// ```
///
/// Prefer ``ProcessMutex`` where the data is small enough to be copied: it needs no repair.
///
/// | who dies where | what the next one sees |
/// |---|---|
/// | an owner, anywhere in its closure | its recovery runs with the lock, then its closure |
/// | an owner inside its recovery | the same again |
/// | an owner, and the next one has no recovery, or it throws | `.poisoned`, as everybody after it, until ``repair(until:_:)`` or ``reset(until:)`` |
/// | a waiter | nothing |
///
/// Otherwise it is as a mutex: see there for tasks, recursion, order and fork.
public final class ProcessLock: SyncObject {
    /// Repairs what a dead owner left; it has the lock. What it throws poisons the lock.
    public typealias Recovery = @Sendable (inout MutableRawSpan) throws -> Void

    /// What listings call it.
    public static var objectKinds: Set<SyncObjectKind> { [.lock] }
    private static let bytesOffset = 64

    /// The region that it lies in.
    public let region: SyncRegion
    /// How many bytes it protects.
    public let byteCount: Int
    let lock: LockWord
    private let contents: SharedBytes
    private let recovery: Recovery?

    init(_ bytes: SharedBytes, _ region: SyncRegion, _ recovery: Recovery?) {
        self.region = region
        byteCount = bytes.byteCount - Self.bytesOffset
        lock = LockWord(bytes, region.participant)
        contents = bytes.slice(Self.bytesOffset, byteCount)
        self.recovery = recovery
    }

    static func type(_ byteCount: Int) throws(IPCError) -> SyncObjectType {
        guard byteCount >= 0, byteCount < 1 << 40 else {
            throw IPCError(.invalidArgument, "protect \(byteCount) bytes: there are 0 or more, below 2^40")
        }
        return SyncObjectType(kind: SyncObjectKind.lock.rawValue, name: "a lock", byteCount: bytesOffset + byteCount)
    }

    /// A lock in a region of its own; the bytes of a new one are zero. Its conditions lie in the same region.
    ///
    /// - Throws: as ``SyncRegion`` does; `.typeMismatch` when the region has another object or size.
    public convenience init(
        at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .create, byteCount: Int,
        maximumProcesses: Int = 64, memory: SharedMemoryOptions = SharedMemoryOptions(),
        until deadline: Deadline = .never,
        recovery: Recovery? = nil
    ) async throws(IPCError) {
        let found = try await OwnRegion(place, intent, maximumProcesses, memory).open(
            until: deadline, { _ throws(IPCError) in try Self.type(byteCount) }, { _ in })
        self.init(found.bytes, found.region, recovery)
    }

    /// The same on a thread that may block.
    public convenience init(
        blockingAt place: SharedMemoryPlace, _ intent: CreationIntent = .create, byteCount: Int,
        maximumProcesses: Int = 64, memory: SharedMemoryOptions = SharedMemoryOptions(),
        until deadline: Deadline = .never,
        recovery: Recovery? = nil
    ) throws(IPCError) {
        let found = try OwnRegion(place, intent, maximumProcesses, memory).openBlocking(
            until: deadline, { _ throws(IPCError) in try Self.type(byteCount) }, { _ in })
        self.init(found.bytes, found.region, recovery)
    }

    /// Who has it now; nil when it is free.
    public var holder: LockHolder? { lock.holder }

    private var poisoned: SharedWord32 { lock.facts.word32(LockLayout.poisoned) }

    /// Whether a recovery has failed and nobody has repaired it since.
    public var isPoisoned: Bool { poisoned.loadAcquiring() != 0 }

    /// The bytes for whoever has the lock.
    func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        // SAFETY: they stay mapped as long as the participant lives, and belong to the owner of the lock alone.
        var span = unsafe MutableRawSpan(_unsafeBytes: contents.unsafeBuffer(0, byteCount))
        return try body(&span)
    }

    /// With the lock just taken: repairs if that is needed and possible, else lets go and throws `.poisoned`.
    ///
    /// The word of the lock is the only record of a dead owner, so whoever dies in here leaves the same to the next one.
    func settle(previousOwnerDied: Bool) throws(IPCError) {
        var reason = "its owner died and nobody has repaired it"
        if isPoisoned {
            reason = "an earlier recovery failed"
        } else if previousOwnerDied {
            KillPoints.pass("sync-recovery-begins")
            do {
                if let recovery {
                    try withBytes { bytes in try recovery(&bytes) }
                    KillPoints.pass("sync-recovery-ends")
                    return
                }
            } catch {
                reason = "recovery failed: \(error)"
            }
            poisoned.storeReleasing(1)
            KillPoints.pass("sync-poisoned")
        } else {
            return
        }
        lock.unlock()
        throw IPCError(.poisoned, "lock: \(reason); repair or reset it", object: region.memory.place.name)
    }

    /// With the lock: its state after a repair.
    func setPoisoned(_ isPoisoned: Bool) { poisoned.storeReleasing(isPoisoned ? 1 : 0) }

    /// With the lock: zeros.
    func clear() { contents.clear(0, byteCount) }

    /// Lets go.
    func finish() throws(IPCError) {
        lock.local.holder.set(0)
        guard lock.unlock() else { throw lock.lost("unlock") }
    }
}

extension SyncRegion {
    /// A lock of this region over `byteCount` bytes of its own, zero in a new one.
    ///
    /// - Throws: `.typeMismatch` when the name stands for something else or has another size; `.notFound`,
    ///   `.alreadyExists`; `.resourceExhausted` when there is no room; `.invalidName`, `.invalidArgument`.
    public func lock(
        _ name: String, _ intent: CreationIntent = .openOrCreate, byteCount: Int,
        recovery: ProcessLock.Recovery? = nil
    ) throws(IPCError) -> ProcessLock {
        ProcessLock(try object(name, ProcessLock.type(byteCount), intent) { _ in }, self, recovery)
    }
}
