import IPCCore
import IPCSystem

/// The bytes of a blackboard, without a type: several copies and one word that says how often it was written.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 8 | version: how many values were published; value n lies in copy n % copies |
/// | 64 | 4 | turn: changes when a writer comes, finishes or goes |
/// | 68 | 4 | 1: the writer has finished |
/// | 128 | | the copies, each a multiple of 64 bytes |
///
/// **The writer** writes value n + 1 into the copy that is oldest, then stores n + 1 with release order: one store commits.
/// A writer that is killed before it leaves a half-written copy that nobody looks at and that the next writer writes anew.
///
/// **A reader** loads the version n (acquire), copies copy n % copies, and loads the version again, n'. The writer may
/// have begun value n' + 1, so the copy is good if that goes elsewhere: n' + 1 - n < copies. Otherwise it was overtaken by
/// `copies - 1` whole publications while it copied one value, and begins again at n'. No reader waits for the writer to
/// do anything: with a dead, stopped or slow writer the first try is good. To make a reader try k times, the writer must
/// publish k * (copies - 1) values during k copies of one; a try that is not preempted is not overtaken, so the limit
/// below is only ever reached with a writer that forges the version.
///
/// The accesses to the copies are relaxed atomic words, ordered by fences as a sequence lock's are: if the reader saw one
/// word of value n + copies, then its second load of the version sees n + copies - 1 or more.
@usableFromInline
final class BoardMemory: Sendable {
    static let versionOffset = 0
    static let turnOffset = 64
    static let finishedOffset = 68
    private static let copiesOffset = 128

    let region: SharedMemory
    let valueByteCount: Int
    private let copies: Int
    private let stride: Int

    init(_ region: SharedMemory, valueByteCount: Int) {
        self.region = region
        self.valueByteCount = valueByteCount
        copies = Self.copies(valueByteCount)
        stride = Self.stride(valueByteCount)
        precondition(region.byteCount == Self.byteCount(valueByteCount), "a blackboard of another size")
    }

    /// More copies where they are small, so that a reader is seldom overtaken.
    private static func copies(_ valueByteCount: Int) -> Int { valueByteCount <= 65536 ? 8 : 4 }

    private static func stride(_ valueByteCount: Int) -> Int { max(64, (valueByteCount + 63) / 64 * 64) }

    /// The bytes of a board for values of this size.
    static func byteCount(_ valueByteCount: Int) -> Int {
        copiesOffset + copies(valueByteCount) * stride(valueByteCount)
    }

    /// How many values were published.
    @usableFromInline var version: UInt64 { region.payload.word64(Self.versionOffset).loadAcquiring() }

    var turn: SharedWord32 { region.payload.word32(Self.turnOffset) }

    var isFinished: Bool { region.payload.word32(Self.finishedOffset).loadAcquiring() != 0 }

    /// The word on which readers sleep: the half of the version that changes each time.
    var waitWord: SharedWord32 { region.payload.word32(Self.versionOffset) }

    /// Copies the latest value to `target`, which has room for it.
    ///
    /// - Returns: its version; 0 when there is none.
    @usableFromInline
    func read(into target: UnsafeMutableRawPointer) throws(IPCError) -> UInt64 {
        let word = region.payload.word64(Self.versionOffset)
        var version = word.loadAcquiring()
        var limit = LookLimit()
        repeat {
            if version == 0 { return 0 }
            unsafe region.payload.loadWords(offset(of: version), valueByteCount, to: target)
            MemoryFence.acquire()
            let now = word.loadRelaxed()
            if now &- version < UInt64(copies - 1) { return version }
            version = word.loadAcquiring()
        } while limit.allowsAnother()
        throw IPCError(
            .protocolViolation, "read a blackboard: its version changes faster than any writer can write",
            object: region.place.description)
    }

    /// Publishes the value at `source`. By the one writer, one call at a time.
    ///
    /// - Returns: its version.
    func publish(_ source: UnsafeRawPointer) -> UInt64 {
        let word = region.payload.word64(Self.versionOffset)
        // The writer's own word, unless somebody scribbles: then the version goes on from there.
        let next = word.loadRelaxed() &+ 1
        // The version that was stored last is seen by whoever sees a word of this copy.
        MemoryFence.release()
        let place = offset(of: next)
        #if DEBUG
            // In two pieces, so that a test can kill the writer between them.
            let half = valueByteCount / 16 * 8
            unsafe region.payload.storeWords(source, half, at: place)
            KillPoints.pass("board half written")
            unsafe region.payload.storeWords(source + half, valueByteCount - half, at: place + half)
        #else
            unsafe region.payload.storeWords(source, valueByteCount, at: place)
        #endif
        KillPoints.pass("board written")
        word.storeReleasing(next)
        KillPoints.pass("board published")
        SharedFutexCalls.wake(waitWord)
        return next
    }

    /// Says whether the writer has finished. By the one that has the claim, and before it drops it.
    func setFinished(_ isFinished: Bool) {
        region.payload.word32(Self.finishedOffset).storeSequential(isFinished ? 1 : 0)
        signalTurn()
    }

    /// Says that the writer has changed, finished or gone. Without a claim, too.
    func signalTurn() {
        turn.add(1)
        SharedFutexCalls.wake(turn)
    }

    private func offset(of version: UInt64) -> Int {
        Self.copiesOffset + Int(version % UInt64(copies)) * stride
    }
}
