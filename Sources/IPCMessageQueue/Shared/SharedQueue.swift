public import IPCCore
import IPCParticipants
public import IPCSharedMemory
import IPCSync
import IPCSystem

/// A message queue in shared memory: many processes send, many receive, and any of them may be killed at any instant.
///
/// ```swift
/// let jobs = try await SharedQueue(at: .named("jobs"), .openOrCreate)
/// try await jobs.send(QueueMessage(payload: Array("print".utf8), priority: 5))
///
/// // In another process
/// try await jobs.withLease { job in try await printer.print(job.payload) }
/// ```
///
/// - **Order.** Priorities 0 to 63, the highest first; within one first in, first out. Receivers may select by type. A message
///   above 4 KiB whose receiver runs out of time while it copies is back at its place, and others may have overtaken it.
/// - **Death.** `send` has sent when it returns, and a message is in the queue as a whole or not at all. What a receiver takes
///   with `receive` is gone with it; what it takes with ``withLease(_:until:_:)`` comes back to its old place when the body
///   throws or the process dies, with a delivery count, and is put among the dead letters when it has been given out
///   ``SharedQueueOptions/maximumDeliveries`` times. A message above 4 KiB that its receiver was copying when it died counts
///   as given out, too. What the dead
///   had of the queue's room for a message that was not sent is free again when its death is known, mostly within a millisecond.
/// - **Full.** `send` waits, `trySend` says false. See ``SharedQueueCapacity``: nothing, a bound, or growing.
/// - **Lifetime.** By place: an anonymous queue goes with the last process that has it, a named one is there until it is
///   removed or the machine stops, one in a file outlives that (``flush()``).
/// - **Waiting** costs a task no thread, and a deadline or a cancellation that is thrown has sent or taken nothing. One that is
///   stopped (SIGSTOP) in the few instructions that hold the lock keeps the others waiting: they see their deadlines.
/// - **Trust.** Whoever may write the memory can break the queue, and read every message. Nothing in it makes this process
///   trap or read elsewhere.
/// - **Peers.** Nobody is told who else has it open. `finish` and ``close()`` concern this object.
public final class SharedQueue: MessageQueue {
    /// A message with its label.
    public typealias Inbound = QueueMessage<[UInt8]>
    /// A message with its label.
    public typealias Outbound = QueueMessage<[UInt8]>

    /// The highest priority.
    public static let maximumPriority = QueueTable.priorities - 1

    let core: QueueCore
    var shape: QueueShape { core.table.shape }

    /// Where it lies.
    public var place: SharedMemoryPlace { core.memory.place }
    /// Whether it was made by this object.
    public var wasCreated: Bool { core.memory.wasCreated }

    /// Makes or finds a queue, and takes part in it.
    ///
    /// - Throws: `.alreadyExists`, `.notFound`, `.invalidName`; `.permissionDenied`; `.invalidArgument` for options that
    ///   contradict each other; `.resourceExhausted` when memory, or places for processes, are short; `.typeMismatch` for one
    ///   that is found and was made with other options, unless it is just opened (`.open`), and for something else of that
    ///   name, as are `.wrongVersion`, `.wrongMagic` and `.protocolViolation`; `.unsupported` for a System V
    ///   segment; `.timedOut`, `.cancelled`, mostly because somebody was stopped while he came or went.
    public convenience init(
        at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .create,
        options: SharedQueueOptions = SharedQueueOptions(), until deadline: Deadline = .never
    ) async throws(IPCError) {
        let memory = try Self.open(place, intent, options)
        do throws(IPCError) {
            try await self.init(memory, until: deadline)
        } catch {
            memory.abandon()
            throw error
        }
    }

    /// The same on a thread that may block, and in the child of a fork.
    public convenience init(
        blockingAt place: SharedMemoryPlace, _ intent: CreationIntent = .create,
        options: SharedQueueOptions = SharedQueueOptions(), until deadline: Deadline = .never
    ) throws(IPCError) {
        let memory = try Self.open(place, intent, options)
        do throws(IPCError) {
            try self.init(blocking: memory, until: deadline)
        } catch {
            memory.abandon()
            throw error
        }
    }

    init(blocking memory: SharedMemory, until deadline: Deadline) throws(IPCError) {
        let participant = try Participant.attachBlocking(
            to: memory.memory, file: try Self.file(of: memory), slotCount: memory.slotCount, until: deadline)
        core = try QueueCore(memory, participant)
        let died = try core.lock.lockBlocking(until: deadline, "open a shared queue")
        try core.arrive(died)
    }

    init(_ memory: SharedMemory, until deadline: Deadline) async throws(IPCError) {
        let participant = try await Participant.attach(
            to: memory.memory, file: try Self.file(of: memory), slotCount: memory.slotCount, until: deadline)
        core = try QueueCore(memory, participant)
        let died = try await core.lock.lock(until: deadline, "open a shared queue")
        try core.arrive(died)
    }

    deinit { close() }

    private static func open(
        _ place: SharedMemoryPlace, _ intent: CreationIntent, _ options: SharedQueueOptions
    ) throws(IPCError) -> SharedMemory {
        let shape = try QueueShape(options, isFile: place.isFile)
        var memory = options.memory
        memory.slotCount = options.maximumProcesses
        memory.allocatedByteCount = shape.initialByteCount
        memory.takesAnySize = true
        let found = try SharedMemory(
            at: place, intent, byteCount: intent == .open ? nil : shape.byteCount, layout: QueueShape.layout,
            options: memory
        ) { bytes in
            shape.write(to: bytes)
            QueueTable(bytes: bytes, shape: shape).blockCount = UInt32(shape.initialBlocks)
        }
        guard intent != .open, !found.wasCreated, !place.isSegment else { return found }
        let difference = try QueueShape(reading: found.payload, place.name).difference(from: shape)
        try QueueShape.check(found, difference, options.maximumProcesses, "open a shared queue")
        return found
    }

    private static func file(of memory: SharedMemory) throws(IPCError) -> Int32 {
        guard let file = memory.file else {
            throw IPCError(
                .unsupported, "open a shared queue: a System V segment has no file; take a named queue",
                object: memory.place.name)
        }
        return file.number
    }

    /// A queue that keeps the order of each sender within a priority, and loses nothing.
    public var guarantees: ChannelGuarantees {
        ChannelGuarantees(
            topology: .queue, direction: .both, detectsPeerDeath: false, tellsFinishFromDeath: false,
            maximumMessageSize: shape.maximumMessageSize,
            messageCapacity: shape.isRendezvous ? 0 : shape.isGrowing ? nil : shape.messageLimit)
    }

    /// Ends sending through this object. What was sent is in the queue; everybody else's objects stay.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try core.checkOpen("finish")
        core.finish()
    }

    /// Lets go of the queue, which stays. Idempotent, never waits; whoever waits on this object gets `.closed`.
    public func close() { core.close() }
}

extension QueueCore {
    /// The first turn of an object: messages of before the machine stopped are looked at, and what it says of waiters is void.
    func arrive(_ previousOwnerDied: Bool) throws(IPCError) {
        var turn = Turn(deaths: participant.table.deathCount.loadAcquiring())
        let boot: (UInt64, UInt64)
        do throws(SystemCallError) {
            boot = try KernelFacts.bootIdentifier()
        } catch {
            leave(turn)
            throw IPCError(error, "open a shared queue", object: name)
        }
        let before = table.bootIdentifier
        let isSuspect = table.shape.hasChecksums && before != boot && !memory.wasCreated
        if previousOwnerDied || isSuspect {
            turn.leaving = table.recover(QueueTable.Owners(participant: participant), isSuspect: isSuspect)
            turn.wakes.signalAll(lines)
        }
        // Last: whoever dies before it leaves the look to the next one.
        if before != boot { table.bootIdentifier = boot }
        leave(turn)
    }
}
