import IPCCore
import IPCSystem
import Synchronization

/// The readers that the writer of a lossless broadcast must not overrun: each has a slot with its cursor in the region,
/// and a claim on a byte of the file for its life, which the kernel drops when its process is gone. So a dead reader is
/// one whose slot is in use while nobody has the claim: that holds in every container and when process ids are used again,
/// and it needs no table of processes.
///
/// **Joining** and **making room** are a Dekker pair. The reader stores its cursor and its state, and then looks at
/// `oldest`; the writer stores `oldest`, and then looks at the slots. So either the reader sees that its record is to go
/// and moves on, or the writer sees the reader and waits.
///
/// Used under the writer's lock alone.
final class BroadcastSlots: @unchecked Sendable {
    private let memory: BroadcastMemory
    /// The writer's open file, which is another than any reader's.
    private let file: RegionDescriptor
    /// Which reader was in the way last, and of what.
    private var obstacle: (slot: Int, position: UInt64)?

    init(_ memory: BroadcastMemory, file: RegionDescriptor) {
        self.memory = memory
        self.file = file
    }

    /// Whether no live reader needs anything before `position`.
    ///
    /// - Parameter clearsDead: whether to ask the kernel, for each reader that does, if it is alive.
    func allHaveRead(upTo position: UInt64, clearsDead: Bool) -> Bool {
        for slot in 0..<memory.slotCount where isBehind(slot, position) {
            guard clearsDead, isAbandoned(slot) else {
                obstacle = (slot, position)
                return false
            }
        }
        return true
    }

    /// Whether the reader that was in the way last still is.
    var isObstructed: Bool {
        guard let obstacle else { return false }
        return isBehind(obstacle.slot, obstacle.position)
    }

    /// How far the slowest reader is of those that stand between `start` and `position`; `position` if there is none.
    func slowest(before position: UInt64, since start: UInt64) -> UInt64 {
        var slowest = position
        for slot in 0..<memory.slotCount where memory.slotState(slot).loadSequential() == 1 {
            let cursor = memory.cursor(slot).loadSequential()
            if cursor &- start < slowest &- start { slowest = cursor }
        }
        return slowest
    }

    /// Whether the reader of a slot has something before `position` to read. A cursor that cannot be is forged, and then
    /// it holds nobody back.
    private func isBehind(_ slot: Int, _ position: UInt64) -> Bool {
        guard memory.slotState(slot).loadSequential() == 1 else { return false }
        let behind = position &- memory.cursor(slot).loadSequential()
        return behind != 0 && behind <= UInt64(memory.capacity)
    }

    /// Frees the slot of a reader that is gone. The claim is taken meanwhile, so that nobody can be moving in.
    private func isAbandoned(_ slot: Int) -> Bool {
        let byte = BroadcastMemory.claimByte(slot)
        guard (try? ClaimCalls.tryTake(file.number, byte: byte)) == true else { return false }
        memory.slotState(slot).storeSequential(0)
        try? ClaimCalls.drop(file.number, byte: byte)
        return true
    }
}

/// A reader's slot in a lossless broadcast: held for life.
final class BroadcastSeat: Sendable {
    private let memory: BroadcastMemory
    /// The open file that has the claim.
    let file: RegionDescriptor
    let slot: Int
    private static let maximumTries = 10_000

    private let isGivenAway = Atomic<Bool>(false)

    var cursor: SharedWord64 { memory.cursor(slot) }

    /// Takes a free slot.
    ///
    /// - Throws: `.resourceExhausted` when all are taken; `.unsupported` when the memory cannot be opened anew.
    init(_ memory: BroadcastMemory, at start: BroadcastStart) throws(IPCError) {
        guard let shared = memory.region.file else {
            throw IPCError(.unsupported, "join a broadcast: a System V segment has no file to claim a slot of")
        }
        // An open file of its own: a descriptor that was passed on shares its open file with the process that had it.
        let file = try mapping("join a broadcast") { () throws(SystemCallError) in
            RegionDescriptor(try FileCalls.open("/proc/self/fd/\(shared.number)", .readWrite))
        }
        var found: Int?
        for slot in 0..<memory.slotCount where found == nil {
            let isTaken = try mapping("join a broadcast") { () throws(SystemCallError) in
                try ClaimCalls.tryTake(file.number, byte: BroadcastMemory.claimByte(slot))
            }
            if isTaken { found = slot }
        }
        guard let found else {
            throw IPCError(
                .resourceExhausted,
                "join a broadcast: all \(memory.slotCount) readers are there; make it with more slots",
                object: memory.region.place.description)
        }
        self.memory = memory
        self.file = file
        slot = found
        try take(start)
    }

    /// The seat that came with the open file of `memory`, which has the claim.
    init(_ memory: BroadcastMemory, slot: Int) throws(IPCError) {
        guard let file = memory.region.file, (0..<memory.slotCount).contains(slot) else {
            throw IPCError(.decodingFailed, "receive a broadcast: there is no slot \(slot)")
        }
        self.memory = memory
        self.file = file
        self.slot = slot
    }

    /// The slot stays taken when this object goes: the open file is on its way to another process.
    func giveAway() { isGivenAway.store(true, ordering: .releasing) }

    private func take(_ start: BroadcastStart) throws(IPCError) {
        for _ in 0..<Self.maximumTries {
            let position = start == .oldest ? memory.oldest.loadSequential() : memory.tail.loadSequential()
            cursor.storeSequential(position)
            memory.slotState(slot).storeSequential(1)
            let oldest = memory.oldest.loadSequential()
            guard Int64(bitPattern: oldest &- position) <= 0 else { continue }
            // The writer may have waited for whoever had the slot before.
            return ring()
        }
        // The writer went on each time: no writer does that so often.
        throw IPCError(
            .protocolViolation, "join a broadcast: expected the oldest record in the ring, found it behind the newest",
            object: memory.region.place.description)
    }

    /// Says how far this reader has read, and wakes the writer if it waits for that.
    func advance(to position: UInt64) {
        cursor.storeSequential(position)
        ring()
    }

    private func ring() {
        // Once for each time that the writer goes to sleep: it says so again before each look.
        guard memory.writerWaits.loadSequential() != 0, memory.writerWaits.exchange(0) != 0 else { return }
        memory.room.add(1)
        SharedFutexCalls.wake(memory.room)
    }

    deinit {
        guard !isGivenAway.load(ordering: .acquiring) else { return }
        memory.slotState(slot).storeSequential(0)
        ring()
        // The claim goes with the open file.
    }
}
