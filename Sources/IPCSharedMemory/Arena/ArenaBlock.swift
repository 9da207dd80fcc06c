public import IPCCore
import IPCSystem
import Synchronization

/// What can lie in a ``SharedArena``: ``SharedValue``, ``SharedArray``, ``SharedString``, ``SharedMap``.
public protocol ArenaContent: Sendable {
    /// What it is, in words, for errors.
    static var typeDescription: String { get }
    /// A number that is the same when kind and types are.
    static var fingerprint: UInt64 { get }
    /// What lies in a block that has this fingerprint.
    ///
    /// - Throws: `.protocolViolation` when the block cannot hold what it says.
    init(_ block: ArenaBlock) throws(IPCError)
    /// The block that it lies in.
    var block: ArenaBlock { get }
}

/// A piece of a ``SharedArena`` that was looked at and checked.
///
/// What its header said was read once; whoever changes the memory afterwards makes its contents mean nothing, but cannot
/// lead an access out of it.
public struct ArenaBlock: Sendable {
    let arena: SharedArena
    /// Who may change it here; nil for a reader.
    let owner: SharedArenaOwner?
    package let place: BlockPlace
    /// The contents, without the header.
    let contents: SharedBytes
    /// Elements, bytes or entries, as the header says.
    let capacity: Int
    private let word: UInt64

    /// The block at `place`.
    ///
    /// - Throws: `.removed` when there is none (any more); `.typeMismatch`; `.protocolViolation`; `.truncated`.
    init(
        _ arena: SharedArena, _ owner: SharedArenaOwner?, _ place: BlockPlace, fingerprint: UInt64,
        _ expected: any ArenaContent.Type
    ) throws(IPCError) {
        if !arena.region.hasFixedSize { try arena.region.checkSize() }
        let memory = arena.region.payload
        let end = ArenaLayout.heapEnd(memory.byteCount)
        let offset = place.offset
        guard offset >= ArenaLayout.heapStart, offset <= end - ArenaLayout.headerByteCount else {
            throw Self.gone(arena)
        }
        let raw = memory.word64(offset).loadAcquiring()
        guard let found = BlockWord(raw: raw, at: offset, end: end), found.state == .used,
            memory.word32(offset + ArenaLayout.blockSerialOffset).loadRelaxed() == place.serial
        else { throw Self.gone(arena) }
        let print = memory.word64(offset + ArenaLayout.fingerprintOffset).loadRelaxed()
        guard print == fingerprint else {
            throw Self.mismatch(arena, "open what lies in an arena", expected, found: "something", print, place)
        }
        guard
            let capacity = Int(exactly: memory.word64(offset + ArenaLayout.capacityOffset).loadRelaxed())
        else { throw Self.damaged(arena) }
        self.arena = arena
        self.owner = owner
        self.place = place
        self.capacity = capacity
        word = raw
        contents = memory.slice(
            offset + ArenaLayout.headerByteCount, found.byteCount - ArenaLayout.headerByteCount)
    }

    static func gone(_ arena: SharedArena) -> IPCError {
        IPCError(
            .removed, "use what lies in an arena: there is nothing at that place any more; its owner freed it",
            object: arena.object)
    }

    /// Says in words what was expected and what was found.
    static func mismatch(
        _ arena: SharedArena, _ doing: String, _ expected: any ArenaContent.Type, found: String,
        _ fingerprint: UInt64, _ place: BlockPlace
    ) -> IPCError {
        let memory = arena.region.payload
        let shapeOffset = place.offset + ArenaLayout.shapeOffset
        let isInside = place.offset >= ArenaLayout.heapStart && memory.contains(shapeOffset, 4)
        let shape = isInside ? ArenaShape(raw: memory.word32(shapeOffset).loadRelaxed()) : nil
        let prints = (String(expected.fingerprint, radix: 16), String(fingerprint, radix: 16))
        return IPCError(
            .typeMismatch,
            """
            \(doing): expected \(expected.typeDescription)\((expected as? any ArenaShaped.Type)?.shape.words ?? ""), \
            found \(found)\(shape?.words ?? ""); fingerprints \(prints.0) and \(prints.1)
            """, object: arena.object)
    }

    static func damaged(_ arena: SharedArena) -> IPCError {
        IPCError(
            .protocolViolation,
            "use what lies in an arena: its header contradicts itself; somebody wrote where he may not",
            object: arena.object)
    }

    /// Refuses a block whose contents need more room than it has. nil: more than any.
    func require(_ byteCount: Int?) throws(IPCError) {
        guard let byteCount, byteCount <= contents.byteCount else { throw Self.damaged(arena) }
    }

    private func checkPresent() throws(IPCError) {
        let memory = arena.region.payload
        guard memory.word64(place.offset).loadAcquiring() == word,
            memory.word32(place.offset + ArenaLayout.blockSerialOffset).loadRelaxed() == place.serial
        else { throw Self.gone(arena) }
    }

    /// Reads, and says afterwards whether the block was still there: what was read is of this block then and of no other
    /// that has the place now.
    func reading<Result>(
        _ body: (SharedBytes) throws(IPCError) -> Result
    ) throws(IPCError) -> Result {
        let result: Result
        do throws(IPCError) {
            result = try body(contents)
        } catch {
            try checkPresent()
            throw error
        }
        atomicMemoryFence(ordering: .acquiring)
        try checkPresent()
        return result
    }

    /// Changes the contents: one at a time, by the owner alone.
    ///
    /// - Throws: `.permissionDenied` for a reader; `.closed` when the owner gave the arena up; `.removed`.
    func writing<Result: Sendable>(
        _ body: (SharedBytes) throws(IPCError) -> Result
    ) throws(IPCError) -> Result {
        guard let owner else {
            throw IPCError(
                .permissionDenied,
                "change what lies in an arena: only its owner may; open it through the owner, or ask that process",
                object: arena.object)
        }
        return try owner.exclusively("change what lies in an arena") { () throws(IPCError) in
            try checkPresent()
            return try body(contents)
        }
    }
}
