public import IPCCore
import IPCSystem

/// A count that goes down to zero once, and opens for everybody then.
///
/// - **Deaths**: it belongs to nobody. A process that dies before it has counted down leaves the latch closed: wait with a
///   deadline, or take a ``ProcessBarrier``, which notices. A waiter that dies is not missed.
public final class ProcessLatch: SyncObject {
    /// What listings call it.
    public static var objectKinds: Set<SyncObjectKind> { [.latch] }
    /// The region that it lies in.
    public let region: SyncRegion
    static let type = SyncObjectType(kind: SyncObjectKind.latch.rawValue, name: "a latch", byteCount: 64)
    static let waitersOffset = 4

    private let word: SharedWord32
    private let waiters: SharedWord32
    private let sleeping: SyncSleep

    init(_ bytes: SharedBytes, _ region: SyncRegion) {
        self.region = region
        word = bytes.word32(0)
        waiters = bytes.word32(Self.waitersOffset)
        sleeping = SyncSleep(region: region)
    }

    static func check(_ count: Int, _ object: String) throws(IPCError) {
        guard (0...1 << 31).contains(count) else {
            throw IPCError(.invalidArgument, "make a latch: a count of 0 to 2^31 is possible", object: object)
        }
    }

    static func initialize(_ bytes: SharedBytes, _ count: Int) { bytes.word32(0).storeRelaxed(UInt32(count)) }

    /// How much is left to be counted down.
    public var remaining: Int { Int(word.loadAcquiring()) }

    /// How many wait, about: more than there are when some of them were killed.
    public var waiterCount: Int { Int(waiters.loadRelaxed()) }

    /// Passes if the count is zero; never waits.
    public func tryWait() -> Bool { word.loadSequential() == 0 }

    /// Counts down; at zero everybody who waits passes.
    ///
    /// - Throws: `.invalidArgument` for less than 1, or more than is left: nothing is counted then.
    public func countDown(by count: Int = 1) throws(IPCError) {
        var found = word.loadAcquiring()
        while true {
            guard count > 0, count <= Int(found) else {
                throw IPCError(.invalidArgument, "count a latch down by \(count): \(found) is left")
            }
            let (isDone, now) = word.replaceSequential(found, with: found - UInt32(count))
            if isDone { break }
            found = now
        }
        KillPoints.pass("sync-latch-counted")
        if found == UInt32(count) { SharedFutexCalls.wake(word) }
    }

    /// Waits until the count is zero.
    ///
    /// - Throws: `.cancelled`, `.timedOut`, `.participantLost`, `.resourceExhausted`.
    public func wait(until deadline: Deadline = .never) async throws(IPCError) {
        if tryWait() { return }
        waiters.add(1)
        defer { waiters.add(.max) }
        while true {
            let deaths = sleeping.deathCount
            let found = word.loadSequential()
            if found == 0 { return }
            try await sleeping.sleep(on: word, while: found, deaths, until: deadline, "wait for a latch")
        }
    }

    /// The same on a thread that may block: never in a task. - Throws: `.timedOut`, `.participantLost`.
    public func waitBlocking(until deadline: Deadline = .never) throws(IPCError) {
        if tryWait() { return }
        waiters.add(1)
        defer { waiters.add(.max) }
        while true {
            let deaths = sleeping.deathCount
            let found = word.loadSequential()
            if found == 0 { return }
            try sleeping.sleepBlocking(on: word, while: found, deaths, until: deadline, "wait for a latch")
        }
    }
}

extension SyncRegion {
    /// A latch of this region; a new one has `count`, 0 to 2^31.
    ///
    /// - Throws: `.typeMismatch` when the name stands for something else; `.notFound`, `.alreadyExists`,
    ///   `.resourceExhausted`, `.invalidName`, `.invalidArgument`.
    public func latch(
        _ name: String, _ intent: CreationIntent = .openOrCreate, count: Int
    ) throws(IPCError) -> ProcessLatch {
        try ProcessLatch.check(count, name)
        return ProcessLatch(
            try object(name, ProcessLatch.type, intent) { ProcessLatch.initialize($0, count) }, self)
    }
}
