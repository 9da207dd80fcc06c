import IPCCore
import IPCParticipants
import IPCSystem

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
    /// The largest stride that is copied in a loop.
    private static let smallStride = 128

    let region: SyncRegion
    let lock: LockWord
    private let index: SharedWord32
    private let copies: SharedBytes
    private let valueByteCount: Int
    private let stride: Int

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
        stride = Self.stride(valueByteCount, alignment)
        copies = bytes.slice(Self.copiesOffset, 2 * stride)
        self.valueByteCount = valueByteCount
    }

    /// Takes the lock on a thread, and marks the thread as the one that has it.
    @usableFromInline
    func beginBlocking(_ deadline: Deadline) throws(IPCError) -> UnsafeMutableRawPointer {
        _ = try lock.lockBlocking(until: deadline, "lock a mutex")
        lock.local.holder.set(CallerMark.thread)
        return unsafe prepare()
    }

    /// The same for a task; the caller goes on without a suspension until ``finish()``.
    @usableFromInline
    func begin(_ deadline: Deadline) async throws(IPCError) -> UInt {
        _ = try await lock.lock(until: deadline, "lock a mutex")
        lock.local.holder.set(CallerMark.thread)
        return unsafe UInt(bitPattern: prepare())
    }

    /// Takes the lock if it is free; nil when somebody has it.
    @usableFromInline
    func tryBegin() throws(IPCError) -> UnsafeMutableRawPointer? {
        guard try lock.tryLock("lock a mutex") != nil else { return nil }
        lock.local.holder.set(CallerMark.thread)
        return unsafe prepare()
    }

    /// For a guard, with the mark of the task that has it, or 0.
    func open(_ previousOwnerDied: Bool, mark: UInt) -> OpenValue {
        lock.local.holder.set(mark)
        return unsafe OpenValue(memory: prepare(), previousOwnerDied: previousOwnerDied)
    }

    /// The copy to work in, with the value as it is.
    private func prepare() -> UnsafeMutableRawPointer {
        let valid = Int(index.loadAcquiring() & 1)
        // SAFETY: both copies lie within `copies`, and the lock's owner alone writes them.
        let from = unsafe copies.base + valid * stride
        let working = unsafe copies.base + (valid ^ 1) * stride
        if stride <= Self.smallStride {
            // A call of memmove would take longer.
            var offset = 0
            while offset < stride {
                let part = unsafe from.load(fromByteOffset: offset, as: SIMD2<UInt64>.self)
                unsafe working.storeBytes(of: part, toByteOffset: offset, as: SIMD2<UInt64>.self)
                offset += 16
            }
        } else {
            unsafe working.copyMemory(from: from, byteCount: valueByteCount)
        }
        KillPoints.pass("sync-mutex-copied")
        return unsafe working
    }

    /// Makes what was done the value and lets go of the lock.
    ///
    /// - Returns: false when this process has lost the lock: then nothing was changed.
    @usableFromInline
    func finish() -> Bool {
        guard lock.isMine else { return false }
        KillPoints.pass("sync-mutex-before-commit")
        index.storeReleasing(index.loadRelaxed() & 1 ^ 1)
        KillPoints.pass("sync-mutex-after-commit")
        return abandon()
    }

    /// Lets go of the lock and leaves the value as it was.
    @usableFromInline
    @discardableResult
    func abandon() -> Bool {
        lock.local.holder.set(0)
        return lock.unlock()
    }

    @usableFromInline
    var lostError: IPCError { lock.lost("unlock a mutex") }
}

/// What a guard gets from the lock.
@safe
struct OpenValue: @unchecked Sendable {
    let memory: UnsafeMutableRawPointer
    let previousOwnerDied: Bool
}
