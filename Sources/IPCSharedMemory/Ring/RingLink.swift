import IPCCore
import IPCSystem
import Synchronization

/// What an end of a ring has beside the memory: the socket that tells of the peer's death, and the two bells.
///
/// A bell is an eventfd that is rung to wake whoever sleeps at it. Socket and own bell are one registration: each of their
/// events gives both directions a hint.
final class RingLink: Sendable {
    let stream: StreamDescriptor
    let memory: RingMemory
    /// 0 for the side that made the memory, 1 for the other one.
    let side: Int
    let ownBell: Int32
    private let peerBell: Int32
    /// This side, as a ringer, seen from the other one.
    private let ownSendingBell: RingBell
    private let peerSendingBell: RingBell

    /// What is closed with the last direction.
    private struct Held: ~Copyable {
        let file: OwnedDescriptor
        let peerBell: OwnedDescriptor
    }
    private let held: Lock<Held?>
    private let file: Int32
    /// Who may ring: each direction that has not ended, and each call that rings without its lock; and whether the end is
    /// given away.
    private let uses = Atomic<Int>(2)
    private static let isGivenAway = 1 << 32

    private let isGone = Atomic<Bool>(false)
    private let trusts: Atomic<Bool>

    /// Takes over both uses of `stream`, also when it throws.
    init(
        _ stream: StreamDescriptor, _ memory: RingMemory, file: consuming OwnedDescriptor,
        ownBell: consuming OwnedDescriptor, peerBell: consuming OwnedDescriptor, side: Int, trust: RingTrust
    ) throws(IPCError) {
        self.ownBell = ownBell.number
        do throws(IPCError) {
            try stream.registration.watch(with: ownBell, "set up a ring")
        } catch {
            stream.endUse()
            stream.endUse()
            throw error
        }
        self.stream = stream
        self.memory = memory
        self.side = side
        self.peerBell = peerBell.number
        self.file = file.number
        held = Lock(Held(file: file, peerBell: peerBell))
        ownSendingBell = memory.lane(side).senderBell
        peerSendingBell = memory.lane(1 - side).senderBell
        trusts = Atomic(false)
        self.trust = trust
    }

    /// Whether the peer is trusted.
    var trust: RingTrust {
        get { trusts.load(ordering: .relaxed) ? .trusted : .untrusted }
        set {
            trusts.store(newValue == .trusted, ordering: .relaxed)
            // What is given away says for itself how it rings.
            guard uses.load(ordering: .acquiring) & Self.isGivenAway == 0 else { return }
            ownSendingBell.ringsBySocket.storeReleasing(newValue == .trusted ? 0 : 1)
        }
    }

    @inline(__always)
    var isTrusted: Bool { trusts.load(ordering: .relaxed) }

    // MARK: Bells

    /// Wakes the peer. By a direction that has not ended its use.
    @inline(never)
    func ring() {
        KillPoints.pass("ring-before-bell")
        // A full bell has been rung, and a peer that is gone needs none.
        var one: UInt64 = 1
        unsafe withUnsafeBytes(of: &one) { bytes in
            if isTrusted {
                _ = try? unsafe DescriptorCalls.write(peerBell, bytes)
            } else {
                _ = try? unsafe SocketCalls.send(stream.number, UnsafeRawBufferPointer(rebasing: bytes[..<1]))
            }
        }
    }

    /// The same for who has given its direction's lock back. Where both directions are done, the peer has been hung up on;
    /// where this end is given away, it was woken before.
    @inline(never)
    func ringWithoutLock(_ bell: RingBell) {
        guard stream.beginUse() else { return }
        var count = uses.load(ordering: .relaxed)
        while count > 0, count & Self.isGivenAway == 0 {
            let (exchanged, found) = uses.compareExchange(
                expected: count, desired: count + 1, ordering: .acquiringAndReleasing)
            if exchanged {
                // Only now: who takes a sleeper's mark away must ring, and an end that was given away cannot.
                if bell.mustRing() { ring() }
                return endUse()
            }
            count = found
        }
        stream.endUse()
    }

    /// After a wait: takes what the peer rang by, where that fills up.
    func answer() {
        if peerSendingBell.ringsBySocket.loadRelaxed() != 0 { _ = drain() }
    }

    // MARK: The end

    /// Whether the peer has hung up: it is dead, or has closed its end.
    @inline(__always)
    var isPeerGone: Bool {
        if isGone.load(ordering: .acquiring) { return true }
        return stream.registration.hangUpHint.load(ordering: .acquiring) ? drain() : false
    }

    /// Reads what is on the socket, which means nothing; its end does.
    @inline(never)
    private func drain() -> Bool {
        let registration = stream.registration
        registration.hangUpHint.store(false, ordering: .sequentiallyConsistent)
        var bytes: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        for _ in 0..<64 {
            let count: Int?
            do throws(SystemCallError) {
                count = try unsafe withUnsafeMutableBytes(of: &bytes) { buffer throws(SystemCallError) in
                    // SAFETY: the kernel writes at most the size of the tuple.
                    try unsafe SocketCalls.receive(stream.number, into: buffer)
                }
            } catch {
                count = 0  // ECONNRESET and the like: gone
            }
            if count == nil { return isGone.load(ordering: .acquiring) }
            if count == 0 {
                isGone.store(true, ordering: .sequentiallyConsistent)
                // Another task may have found the hint gone and the peer alive, and sleep.
                registration.readable.signal()
                registration.writable.signal()
                return true
            }
        }
        registration.hangUpHint.store(true, ordering: .sequentiallyConsistent)
        return false
    }

    /// Says in the memory that this side is gone.
    func sayClosed() {
        ownSendingBell.closed.storeSequential(1)
        memory.lane(1 - side).receiverBell.closed.storeSequential(1)
    }

    /// Wakes the peer by hanging up, and is done with it. Where both directions are done already, that has happened.
    func hangUp() {
        isGone.store(true, ordering: .sequentiallyConsistent)
        guard stream.beginUse() else { return }
        stream.shutdown(reading: true, writing: true)
        stream.endUse()
    }

    /// One direction is done, or one call that rang without its lock.
    func endUse() {
        stream.endUse()
        let left = uses.subtract(1, ordering: .acquiringAndReleasing).newValue
        if left & ~Self.isGivenAway == 0 { held.withLock { $0 = nil } }
    }

    /// Lets nobody ring from here any more who does not do so yet. By whoever has the locks of both directions.
    ///
    /// - Returns: false while a call rings that has given its lock back: it may have taken a sleeper's mark away, and if this
    ///   process ended before it rings, nobody would, for the hang-up that makes up for that would not come.
    func giveAway() -> Bool {
        uses.compareExchange(expected: 2, desired: 2 | Self.isGivenAway, ordering: .acquiringAndReleasing).exchanged
    }

    /// Duplicates for another process: file, bells of side 0 and 1, socket. By a direction that has not ended its use.
    func duplicates() throws(IPCError) -> [PassedDescriptor] {
        [
            try PassedDescriptor(duplicating: file),
            try PassedDescriptor(duplicating: side == 0 ? ownBell : peerBell),
            try PassedDescriptor(duplicating: side == 0 ? peerBell : ownBell),
            try PassedDescriptor(duplicating: stream.number),
        ]
    }
}
