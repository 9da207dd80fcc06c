public import IPCCore
import IPCSystem

/// A count that goes down to zero once, and opens for everybody then.
///
/// - **Deaths**: it belongs to nobody. A process that dies before it has counted down leaves the latch closed: wait with a
///   deadline, or take a ``ProcessBarrier``, which notices. A waiter that dies is not missed.
public final class ProcessLatch: Sendable {
    static let type = SyncObjectType(kind: 12, name: "a latch", byteCount: 64)

    private let word: SharedWord32
    private let sleeping: SyncSleep

    init(_ bytes: SharedBytes, _ region: SyncRegion) {
        word = bytes.word32(0)
        sleeping = SyncSleep(region: region)
    }

    static func initialize(_ bytes: SharedBytes, _ count: Int) { bytes.word32(0).storeRelaxed(UInt32(count)) }

    /// How much is left to be counted down.
    public var remaining: Int { Int(word.loadAcquiring()) }

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
        while true {
            let deaths = sleeping.deathCount
            let found = word.loadSequential()
            if found == 0 { return }
            try await sleeping.sleep(on: word, while: found, deaths, until: deadline, "wait for a latch")
        }
    }

    /// The same on a thread that may block: never in a task. - Throws: `.timedOut`, `.participantLost`.
    public func waitBlocking(until deadline: Deadline = .never) throws(IPCError) {
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
        guard (0...1 << 31).contains(count) else {
            throw IPCError(.invalidArgument, "make a latch: a count of 0 to 2^31 is possible", object: name)
        }
        return ProcessLatch(
            try object(name, ProcessLatch.type, intent) { ProcessLatch.initialize($0, count) }, self)
    }
}
