import IPCSystem
import Synchronization

/// Tells one side of a ring, over shared memory, whether the other one sleeps and must be woken.
///
/// Whoever is about to sleep says so here and looks again; whoever has done something looks here. One of them sees the
/// other if each has a full barrier between its write and its look (Dekker). The one that is awake pays for its barrier
/// with each message, whether anybody sleeps or not: no way to have only the sleeper pay is to be relied upon
/// (membarrier(2) passes over processors that were idle when the process registered). So it takes the barrier that it has
/// anyway, in giving the lock back, and looks afterwards: every one of its tasks at what it did itself.
/// `Tests/Models/ring.pml` is a model.
struct RingBell: Sendable {
    static let awake: UInt32 = 0
    static let asleep: UInt32 = 1

    /// What the sleeping side says. Changed by it, and by the waking side from asleep to awake.
    let state: SharedWord32
    /// Not 0: this side has closed its end.
    let closed: SharedWord32
    /// Not 0: this side rings by a byte on the socket, because it does not trust the other one with its thread: who
    /// shares an eventfd can make it blocking and full.
    let ringsBySocket: SharedWord32

    init(_ bytes: SharedBytes) {
        state = bytes.word32(0)
        closed = bytes.word32(4)
        ringsBySocket = bytes.word32(8)
    }

    var isClosed: Bool { closed.loadAcquiring() != 0 }

    /// After one sequentially consistent store, or a full barrier, behind what the owner of this bell waits for: whether to
    /// wake it. It then counts as awake.
    @inline(__always)
    func mustRing() -> Bool { isNotAwake && wake() }

    /// Whether the owner sleeps, or is about to.
    @inline(__always)
    var isNotAwake: Bool { state.loadSequential() != Self.awake }

    @inline(never)
    private func wake() -> Bool { state.exchange(Self.awake) != Self.awake }

    // MARK: The owner of the bell

    /// Before sleeping; look again afterwards.
    func announce() {
        state.storeSequential(Self.asleep)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Awake again.
    func withdraw() { state.storeReleasing(Self.awake) }
}
