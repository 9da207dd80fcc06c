public import IPCCore
import IPCSystem

/// Something that processes wait for until somebody says that it is so.
///
/// - **Manual reset**: once set, everybody passes until ``reset()``.
/// - **Automatic reset**: each ``set()`` lets one through, who resets it by passing; setting it again before that is
///   nothing. Whoever is killed after it has passed has consumed it: take a leased ``ProcessSemaphore`` where that matters.
/// - **Deaths**: it belongs to nobody. A waiter that dies is not missed; who dies while it sets it has set it or not.
/// - **Fork without exec**: `.participantLost` for a child that would wait. Setting, resetting and passing what is set is open to it as to
///   anybody, because there is no owner.
/// - It is a state and not a pulse: who waits may miss a set that is reset at once.
public final class ProcessEvent: SyncObject {
    /// What listings call it.
    public static var objectKinds: Set<SyncObjectKind> { [.manualEvent, .automaticEvent] }
    /// The region that it lies in.
    public let region: SyncRegion
    /// What becomes of it when somebody has passed.
    public enum Reset: Sendable, Hashable {
        /// It stays set.
        case manual
        /// It is reset.
        case automatic
    }

    /// What becomes of it when somebody has passed.
    public let resetting: Reset
    private let state: SharedWord32
    private let waiters: SharedWord32
    private let sleeping: SyncSleep

    static let waitersOffset = 4

    static func type(_ reset: Reset) -> SyncObjectType {
        SyncObjectType(
            kind: (reset == .manual ? SyncObjectKind.manualEvent : .automaticEvent).rawValue, name: "an event",
            byteCount: 64)
    }

    init(_ bytes: SharedBytes, _ region: SyncRegion, _ reset: Reset) {
        self.region = region
        resetting = reset
        state = bytes.word32(0)
        waiters = bytes.word32(Self.waitersOffset)
        sleeping = SyncSleep(region: region)
    }

    /// Whether it is set at this moment.
    public var isSet: Bool { state.loadAcquiring() != 0 }

    /// How many wait, about: more than there are when some of them were killed.
    public var waiterCount: Int { Int(waiters.loadRelaxed()) }

    /// Sets it and wakes who waits: all, or one if it resets itself.
    public func set() {
        _ = state.exchange(1)
        KillPoints.pass("sync-event-set")
        if waiters.loadSequential() != 0 { SharedFutexCalls.wake(state, resetting == .manual ? .max : 1) }
    }

    /// Resets it: who comes now waits.
    public func reset() { _ = state.exchange(0) }

    /// Passes if it is set; never waits.
    public func tryWait() -> Bool {
        resetting == .manual ? isSet : state.replaceSequential(1, with: 0).isDone
    }

    /// Waits until it is set, and passes.
    ///
    /// - Throws: `.cancelled`, `.timedOut`: it did not pass; `.participantLost`, `.resourceExhausted`.
    public func wait(until deadline: Deadline = .never) async throws(IPCError) {
        if tryWait() { return }
        waiters.add(1)
        defer { leave() }
        while true {
            let deaths = sleeping.deathCount
            if tryWait() { return }
            try await sleeping.sleep(on: state, while: 0, deaths, until: deadline, "wait for an event")
        }
    }

    /// The same on a thread that may block: never in a task.
    ///
    /// - Throws: `.timedOut`, `.participantLost`.
    public func waitBlocking(until deadline: Deadline = .never) throws(IPCError) {
        if tryWait() { return }
        waiters.add(1)
        defer { leave() }
        while true {
            let deaths = sleeping.deathCount
            if tryWait() { return }
            try sleeping.sleepBlocking(on: state, while: 0, deaths, until: deadline, "wait for an event")
        }
    }

    /// A wake-up that came for one who leaves is for another.
    private func leave() {
        waiters.add(.max)
        if resetting == .automatic, isSet, waiters.loadSequential() != 0 { SharedFutexCalls.wake(state, 1) }
    }
}

extension SyncRegion {
    /// An event of this region; a new one is not set.
    ///
    /// - Throws: `.typeMismatch` when the name stands for something else or resets otherwise; `.notFound`,
    ///   `.alreadyExists`, `.resourceExhausted`, `.invalidName`.
    public func event(
        _ name: String, _ reset: ProcessEvent.Reset, _ intent: CreationIntent = .openOrCreate
    ) throws(IPCError) -> ProcessEvent {
        ProcessEvent(try object(name, ProcessEvent.type(reset), intent) { _ in }, self, reset)
    }
}
