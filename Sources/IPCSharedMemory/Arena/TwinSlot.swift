import IPCCore
import IPCSystem
import Synchronization

/// A word and two copies of some bytes: what is changed goes into the copy that is not valid, and one store of the word
/// makes it so. A writer that is killed half-way has changed nothing, and a reader sees one state whole or reads again.
///
/// The word has a number that each change raises, whose lowest bit says which copy is valid, and a tag of 32 bits.
struct TwinSlot {
    let memory: SharedBytes
    let offset: Int
    /// Where the first copy begins.
    let copies: Int
    /// From one copy to the next, a multiple of 8.
    let stride: Int

    private var word: SharedWord64 { memory.word64(offset) }

    /// The tag alone.
    var tag: UInt32 { UInt32(truncatingIfNeeded: word.loadAcquiring()) }

    /// Changes tag and bytes. One writer at a time.
    func write(_ tag: UInt32, _ body: (_ copy: Int) -> Void) {
        let next = UInt32(truncatingIfNeeded: word.loadRelaxed() >> 32) &+ 1
        body(copies + Int(next & 1) * stride)
        KillPoints.pass("arena slot written")
        word.storeReleasing(UInt64(next) << 32 | UInt64(tag))
        // What the next change writes is not seen before this word.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Changes the tag and leaves the bytes.
    func retag(_ tag: UInt32) {
        let found = word.loadRelaxed()
        // By two: the same copy stays valid.
        word.storeReleasing((found >> 32 &+ 2) << 32 | UInt64(tag))
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Reads tag and bytes of one state.
    ///
    /// - Throws: `.busy` when it changes all the time; what `body` throws.
    func read<Result>(
        _ object: String, _ body: (_ tag: UInt32, _ copy: Int) throws(IPCError) -> Result
    ) throws(IPCError) -> Result {
        var limit = LookLimit()
        repeat {
            let before = word.loadAcquiring()
            let result = try body(UInt32(truncatingIfNeeded: before), copies + Int(before >> 32 & 1) * stride)
            atomicMemoryFence(ordering: .acquiring)
            if word.loadRelaxed() == before { return result }
        } while limit.allowsAnother()
        throw IPCError(
            .busy, "read from an arena: it changes faster than it can be read; try again", object: object)
    }
}
