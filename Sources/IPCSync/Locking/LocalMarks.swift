import IPCCore
public import IPCSystem

/// What only this process knows of a lock.
final class LockLocal: Sendable {
    /// One task of this handle at a time competes for the word; the others wait here, first come first served, so a
    /// release does not wake all of them.
    let gate = TaskLock()
    /// Who in this process has it, 0 for unknown: see ``CallerMark``.
    let holder: HolderMark
    let spins: SpinHistory
    /// Memory of its own for the words: the fast paths reach them by an address that they have at hand.
    private let memory: SharedBytes

    init() {
        let byteCount = 64
        // SAFETY: given back in `deinit`; the words are read and written by atomic accesses alone.
        memory = unsafe SharedBytes(
            base: UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: byteCount), byteCount: byteCount)
        memory.clear(0, byteCount)
        holder = HolderMark(word: memory.word64(0))
        spins = SpinHistory(word: memory.word32(8))
        spins.word.storeRelaxed(SpinHistory.firstGuess)
    }

    // SAFETY: it was allocated in `init`, and the views of it go with the lock that keeps this object.
    deinit { unsafe memory.base.deallocate() }
}

/// The mark of the thread or task that has a lock: threads of this process write it and look at it.
@usableFromInline
struct HolderMark: Sendable {
    @usableFromInline let word: SharedWord64

    init(word: SharedWord64) { self.word = word }

    @inlinable @inline(__always)
    func set(_ mark: UInt) { word.storeRelaxed(UInt64(mark)) }

    var current: UInt { UInt(word.loadRelaxed()) }
}

/// How long it has paid to look at a lock again and again instead of sleeping. Threads overwrite each other's lessons,
/// which costs a lesson.
///
/// Between processes on two processors an owner is mostly gone within a microsecond; on one processor looking never pays.
struct SpinHistory: Sendable {
    /// The most looks at a lock before a sleep. The pauses between them grow, so that the owner has the cache line to
    /// itself for a while: some microseconds in all.
    static let mostLooks: UInt32 = 16
    /// Looks that are always taken: without them nobody would learn that they pay again.
    private static let leastLooks: UInt32 = 3
    /// What a new lock begins with.
    static let firstGuess: UInt32 = 8

    /// The looks that the last successes took, about.
    let word: SharedWord32

    var allowance: UInt32 { min(word.loadRelaxed() + Self.leastLooks, Self.mostLooks) }

    /// The lock was free, or not: after that many looks.
    func learn(looks: UInt32, wasFree: Bool) {
        let known = word.loadRelaxed()
        let next = wasFree ? (known * 3 + looks * 2) / 4 : known - min(known, max(1, known / 4))
        if next != known { word.storeRelaxed(min(next, Self.mostLooks)) }
    }

    /// The pause before look number `look`.
    static func pause(before look: UInt32) {
        for _ in 0..<4 << min(look, 4) { ProcessorHint.pause() }
    }
}
