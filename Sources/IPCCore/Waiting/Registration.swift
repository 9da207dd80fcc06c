package import IPCSystem
package import Synchronization

/// A descriptor at the poller: one wait point for each direction.
///
/// Registrations are never freed but used again, under a new generation. So the poller may follow an event to a
/// registration without a lock: at worst it gives a hint to somebody who did not need it.
package final class Registration: Sendable {
    /// Someone may wait until the descriptor can be read.
    package let readable: WaitPoint
    /// Someone may wait until the descriptor can be written.
    package let writable: WaitPoint

    let index: UInt32
    let generation = Atomic<UInt32>(0)
    private let number = Atomic<Int32>(-1)

    /// What the poller watches, and under which lock that changes.
    private struct Interest {
        var events: UInt32 = 0
        var isAdded = false
        var isUnpollable = false
        /// A second descriptor, whose events are this registration's too; -1 where there is none.
        var companion: Int32 = -1
    }
    private let interest = Lock(Interest())
    private let watched = Atomic<UInt32>(0)
    /// How often in a row the descriptor became readable or writable while nobody waited for that.
    private let idleReadable = Atomic<UInt32>(0)
    private let idleWritable = Atomic<UInt32>(0)
    private static let idleLimit: UInt32 = 16

    /// Whether both wait points get a hint from every event: one descriptor tells of both directions.
    private let isJoint = Atomic<Bool>(false)
    /// The poller has seen a hang-up, or believes so: look at the descriptor.
    package let hangUpHint = Atomic<Bool>(false)

    init(index: UInt32, engine: WaitEngine) {
        self.index = index
        readable = WaitPoint(engine: engine)
        writable = WaitPoint(engine: engine)
    }

    /// What epoll carries, and hands back with each event.
    private var data: UInt64 { UInt64(index) | UInt64(generation.load(ordering: .relaxed)) << 32 }

    func begin(_ descriptor: Int32) {
        number.store(descriptor, ordering: .relaxed)
        hangUpHint.store(false, ordering: .relaxed)
    }

    /// Watches the descriptor for bytes and for its hang-up from now on, and `companion` for bytes, whether anybody waits
    /// or not. Every event of either gives both wait points a hint.
    ///
    /// The companion is closed when this registration ends.
    package func watch(with companion: consuming OwnedDescriptor, _ doing: StaticString) throws(IPCError) {
        isJoint.store(true, ordering: .relaxed)
        try watch(EpollCalls.readable, doing)
        let number = companion.number
        try interest.withLock { interest throws(IPCError) in
            try mapping("\(doing)") { () throws(SystemCallError) in
                try EpollCalls.add(number, to: readable.engine.pollerNumber, events: EpollCalls.readable, data: data)
            }
            interest.companion = number
        }
        _ = companion.release()
    }

    /// Waits until the descriptor may be readable. See ``WaitPoint/wait(until:_:)``.
    @inline(__always)
    package func waitReadable(until deadline: Deadline, _ doing: StaticString) async throws(IPCError) {
        if watched.load(ordering: .relaxed) & EpollCalls.readable == 0 { try watch(EpollCalls.readable, doing) }
        try await readable.wait(until: deadline, doing)
    }

    /// Waits until the descriptor may be writable.
    @inline(__always)
    package func waitWritable(until deadline: Deadline, _ doing: StaticString) async throws(IPCError) {
        if watched.load(ordering: .relaxed) & EpollCalls.writable == 0 { try watch(EpollCalls.writable, doing) }
        try await writable.wait(until: deadline, doing)
    }

    /// Waits until the descriptor may be writable, whatever happens to the task.
    package func waitWritableUnconditionally(_ doing: StaticString) async throws(IPCError) {
        if watched.load(ordering: .relaxed) & EpollCalls.writable == 0 { try watch(EpollCalls.writable, doing) }
        await writable.waitUnconditionally()
    }

    /// Adds `events` to what the poller watches. Edge-triggered: a change reports at once what is ready by then.
    private func watch(_ events: UInt32, _ doing: StaticString) throws(IPCError) {
        try interest.withLock { interest throws(IPCError) in
            try mapping("\(doing)") { () throws(SystemCallError) in
                try change(&interest, to: interest.events | events)
            }
        }
        readable.engine.start()
    }

    private func change(_ interest: inout Interest, to events: UInt32) throws(SystemCallError) {
        guard events != interest.events else { return }
        let poller = readable.engine.pollerNumber
        let number = number.load(ordering: .relaxed)
        if interest.isAdded {
            try EpollCalls.modify(number, in: poller, events: events, data: data)
        } else {
            try EpollCalls.add(number, to: poller, events: events, data: data)
        }
        interest.isAdded = true
        interest.events = events
        watched.store(events, ordering: .relaxed)
    }

    /// What the poller saw. `eventGeneration` tells whether the event belongs to this use of the registration.
    func deliver(_ events: UInt32, eventGeneration: UInt32) {
        guard eventGeneration == generation.load(ordering: .relaxed) else { return }
        let over = events & EpollCalls.hungUp != 0
        if isJoint.load(ordering: .relaxed) {
            if over || events & EpollCalls.peerClosed != 0 { hangUpHint.store(true, ordering: .releasing) }
            readable.signal()
            writable.signal()
            return
        }
        if over || events & EpollCalls.readable != 0 {
            hint(readable, idleReadable, EpollCalls.readable, isOver: over)
        }
        if over || events & EpollCalls.writable != 0 {
            hint(writable, idleWritable, EpollCalls.writable, isOver: over)
        }
    }

    /// A socket becomes writable each time its peer reads, and a descriptor whose messages are found by looking again
    /// becomes readable each time all the same, which wakes the thread that polls. When nobody has waited for a while, stop
    /// asking; the next one who waits asks again.
    private func hint(_ point: WaitPoint, _ idle: borrowing Atomic<UInt32>, _ events: UInt32, isOver: Bool) {
        let isAwaited = point.isOccupied
        point.signal()
        let count = isOver || isAwaited ? 0 : idle.load(ordering: .relaxed) + 1
        idle.store(count, ordering: .relaxed)
        guard count >= Self.idleLimit else { return }
        idle.store(0, ordering: .relaxed)
        interest.withLock { interest in
            guard interest.isAdded, !point.isOccupied else { return }
            // A failure leaves the interest as it is, which costs time and nothing else.
            try? change(&interest, to: interest.events & ~events)
        }
        // A task that found the direction watched just before this may wait now: let it look again.
        point.signal()
    }

    /// Takes the descriptor away from the poller. Its owner closes it afterwards, when nobody uses it any more.
    func end() {
        generation.wrappingAdd(1, ordering: .relaxed)
        let number = number.exchange(-1, ordering: .relaxed)
        interest.withLock { interest in
            if interest.isAdded { try? EpollCalls.remove(number, from: readable.engine.pollerNumber) }
            if interest.companion >= 0 {
                try? EpollCalls.remove(interest.companion, from: readable.engine.pollerNumber)
                closeDescriptor(interest.companion)
            }
            isJoint.store(false, ordering: .relaxed)
            interest = Interest()
            watched.store(0, ordering: .relaxed)
        }
        idleReadable.store(0, ordering: .relaxed)
        idleWritable.store(0, ordering: .relaxed)
    }
}
