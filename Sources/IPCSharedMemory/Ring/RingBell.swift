import IPCSystem
import Synchronization

/// Tells one side of a ring, over shared memory, whether the other one sleeps and must be woken.
///
/// Whoever is about to sleep says so here and looks again; whoever has done something looks here. One of them sees the
/// other if each has a full barrier between its write and its look (Dekker). The barrier of the one that is awake would
/// be paid for each message, for a sleep that hardly ever comes, so it is left away while the other side is busy: the
/// word then does not ask for it, and who wants to sleep after all has everyone pass a barrier (membarrier(2)) and asks
/// for barriers from then on, until it has been awake for a while again.
struct RingBell: Sendable {
    static let asleep: UInt32 = 1
    static let wantsBarriers: UInt32 = 2

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

    /// After a change that the owner of this bell waits for: whether to wake it. It then counts as awake.
    @inline(__always)
    func mustRing() -> Bool {
        if state.loadRelaxed() == 0 && BarrierCalls.isRegistered { return false }
        return mustRingAfterBarrier()
    }

    @inline(never)
    private func mustRingAfterBarrier() -> Bool {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let found = state.loadRelaxed()
        guard found & Self.asleep != 0 else { return false }
        return state.replaceSequential(found, with: found & ~Self.asleep).isDone
    }
}

/// The side that sleeps at a bell. Protected by its direction's lock.
struct RingSleeper {
    /// After so many waits in a row that needed no sleep the bell asks for no more barriers.
    private static let busyLimit: UInt32 = 256

    private let bell: RingBell
    private var asksForBarriers = true
    private var awakeCount: UInt32 = 0

    init(_ bell: RingBell) {
        self.bell = bell
        bell.state.storeSequential(RingBell.wantsBarriers)
    }

    /// Before sleeping; look again afterwards.
    mutating func announce() {
        bell.state.storeSequential(RingBell.asleep | RingBell.wantsBarriers)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        awakeCount = 0
        if !asksForBarriers {
            asksForBarriers = true
            // It was there when `asksForBarriers` was dropped, and it has no reason to fail that time brings.
            try? BarrierCalls.everywhere()
        }
    }

    /// Awake again.
    func withdraw() { bell.state.storeReleasing(RingBell.wantsBarriers) }

    /// There was no need to sleep.
    @inline(__always)
    mutating func stayedAwake() {
        guard asksForBarriers else { return }
        awakeCount &+= 1
        if awakeCount >= Self.busyLimit { askForNoMoreBarriers() }
    }

    @inline(never)
    private mutating func askForNoMoreBarriers() {
        awakeCount = 0
        guard BarrierCalls.isRegistered else { return }
        asksForBarriers = false
        bell.state.storeReleasing(0)
    }
}
