import IPCCore
import IPCParticipants
public import IPCSystem

/// A mutex and the two copies of its value, whatever its type is.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 32 | the lock (`LockLayout`) |
/// | 32 | 4 | the index of the valid copy |
/// | 64 | | the two copies, each rounded up to a multiple of 16 bytes and of the value's alignment |
///
/// The owner works in the copy that is not valid. One store of the index makes it the valid one, so whoever is killed
/// leaves either what was there before or all that he did.
@safe
@usableFromInline
final class MutexCore: Sendable {
    private static let indexOffset = 32
    private static let copiesOffset = 64

    let region: SyncRegion
    @usableFromInline let lock: LockWord
    /// Which of the copies is the value.
    @usableFromInline let index: SharedWord32
    @usableFromInline let copies: SharedBytes

    @inlinable @inline(__always)
    static func stride(_ byteCount: Int, _ alignment: Int) -> Int {
        let unit = max(16, alignment)
        return (max(byteCount, 1) + unit - 1) / unit * unit
    }

    static func byteCount(_ valueByteCount: Int, _ alignment: Int) -> Int {
        copiesOffset + 2 * stride(valueByteCount, alignment)
    }

    /// Puts the first value into a new mutex.
    static func initialize(_ bytes: SharedBytes, _ value: some BitwiseCopyable) { bytes.store(value, at: copiesOffset) }

    init(_ bytes: SharedBytes, _ region: SyncRegion, valueByteCount: Int, alignment: Int) {
        self.region = region
        lock = LockWord(bytes, region.participant)
        index = bytes.word32(Self.indexOffset)
        copies = bytes.slice(Self.copiesOffset, 2 * Self.stride(valueByteCount, alignment))
    }

    /// Takes the lock if it is free, and marks the thread that has it.
    @inlinable @inline(__always)
    func takeFree() -> Bool {
        guard lock.takeFree() else { return false }
        lock.holderMark.set(CallerMark.thread)
        return true
    }

    /// Takes a lock that was not free, on a thread that may block.
    @usableFromInline
    @inline(never)
    func takeBlocking(_ deadline: Deadline) throws(IPCError) {
        _ = try lock.lockBlocking(until: deadline, "lock a mutex")
        lock.holderMark.set(CallerMark.thread)
    }

    /// The same for a task; the caller goes on without a suspension until ``finish()``. It returns the error: the compiler
    /// (Swift 6.3.1, -O) crashes on some callers into which a call has been inlined that may suspend and throw.
    @usableFromInline
    @inline(never)
    func take(_ deadline: Deadline) async -> IPCError? {
        do throws(IPCError) {
            _ = try await lock.lock(until: deadline, "lock a mutex")
        } catch {
            return error
        }
        lock.holderMark.set(CallerMark.thread)
        return nil
    }

    /// Takes the lock if nobody has it, dead or alive.
    @usableFromInline
    @inline(never)
    func tryTake() throws(IPCError) -> Bool {
        guard try lock.tryLock("lock a mutex") != nil else { return false }
        lock.holderMark.set(CallerMark.thread)
        return true
    }

    /// With the lock: the copy to work in, with the value as it is.
    @inlinable @inline(__always)
    func open<Value: BitwiseCopyable>(as type: Value.Type) -> UnsafeMutablePointer<Value> {
        let valid = Int(index.loadAcquiring() & 1)
        let stride = Self.stride(MemoryLayout<Value>.size, MemoryLayout<Value>.alignment)
        // SAFETY: both copies lie within `copies`, aligned, and the lock's owner alone uses them. The object was opened
        // for values of this type.
        let from = unsafe (copies.base + valid * stride).assumingMemoryBound(to: type)
        let working = unsafe (copies.base + (valid ^ 1) * stride).assumingMemoryBound(to: type)
        unsafe working.initialize(to: from.pointee)
        KillPoints.pass("sync-mutex-copied")
        return unsafe working
    }

    /// For a guard, with the mark of the task that has it, or 0.
    func open<Value: BitwiseCopyable>(
        as type: Value.Type, _ previousOwnerDied: Bool, mark: UInt
    ) -> OpenValue {
        lock.holderMark.set(mark)
        return unsafe OpenValue(memory: UnsafeMutableRawPointer(open(as: type)), previousOwnerDied: previousOwnerDied)
    }

    /// Makes what was done the value and lets go of the lock.
    ///
    /// - Returns: false when this process has lost the lock: then nothing was changed.
    @inlinable @inline(__always)
    func finish() -> Bool {
        guard lock.isMine else { return false }
        KillPoints.pass("sync-mutex-before-commit")
        index.storeReleasing(index.loadRelaxed() & 1 ^ 1)
        KillPoints.pass("sync-mutex-after-commit")
        return abandon()
    }

    /// Lets go of the lock and leaves the value as it was.
    @inlinable @inline(__always)
    @discardableResult
    func abandon() -> Bool {
        lock.holderMark.set(0)
        return lock.unlockQuietly() || unlockWithSleepers()
    }

    @usableFromInline
    @inline(never)
    func unlockWithSleepers() -> Bool { lock.unlockWithSleepers() }

    @usableFromInline
    var lostError: IPCError { lock.lost("unlock a mutex") }
}

/// What a guard gets from the lock.
@safe
struct OpenValue: @unchecked Sendable {
    let memory: UnsafeMutableRawPointer
    let previousOwnerDied: Bool
}
