public import IPCCore
import IPCSystem

/// Who allocates in a ``SharedArena``, frees, and changes what lies there. Made by ``SharedArena/claim()``.
///
/// All methods may be called from any thread; one at a time runs.
public final class SharedArenaOwner: Sendable {
    /// The arena.
    public let arena: SharedArena

    private struct State {
        var heap: ArenaHeap
        var isReleased = false
    }

    private let claim: WriterClaim
    private let state: Lock<State>

    init(_ arena: SharedArena) throws(IPCError) {
        guard arena.region.access == .readWrite else {
            throw IPCError(
                .permissionDenied, "claim an arena: it was opened for reading alone; open it for reading and writing",
                object: arena.object)
        }
        let owner = arena.region.payload.word32(ArenaLayout.ownerProcessOffset)
        let claim = try WriterClaim(
            arena.region, "claim an arena", opensAnew: true,
            busy: "it has an owner, process \(owner.loadRelaxed()) as it says; there can be one at a time")
        self.arena = arena
        self.claim = claim
        let memory = arena.region.payload
        memory.word32(ArenaLayout.ownerProcessOffset).storeRelaxed(UInt32(bitPattern: ProcessFacts.processID))
        state = Lock(State(heap: try ArenaHeap(memory, arena.object)))
    }

    deinit { claim.drop() }

    /// Gives the arena up, for another to claim. What lies in it stays; methods of this owner throw `.closed` from now on.
    /// Idempotent.
    public func release() {
        state.withLock { $0.isReleased = true }
        claim.drop()
    }

    /// Runs `body` while no other method of this owner runs.
    func exclusively<Result: Sendable>(
        _ doing: StaticString, _ body: () throws(IPCError) -> Result
    ) throws(IPCError) -> Result {
        try withHeap(doing) { _ throws(IPCError) in try body() }
    }

    private func withHeap<Result: Sendable>(
        _ doing: StaticString, _ body: (inout ArenaHeap) throws(IPCError) -> Result
    ) throws(IPCError) -> Result {
        try state.withLock { state throws(IPCError) in
            guard !state.isReleased else {
                throw IPCError(.closed, "\(doing): the owner gave the arena up; claim it again", object: arena.object)
            }
            return try body(&state.heap)
        }
    }

    // MARK: Making

    /// An array without elements.
    ///
    /// - Throws: `.resourceExhausted` when the arena has no room for it; `.invalidArgument`; `.closed`.
    public func makeArray<Element: PlainData>(
        of type: Element.Type, capacity: Int
    ) throws(IPCError) -> SharedArray<Element> {
        try make(SharedArray<Element>.byteCount(capacity), SharedArray<Element>.shape, capacity)
    }

    /// An empty text for up to `capacity` bytes of UTF-8.
    ///
    /// - Throws: as ``makeArray(of:capacity:)``.
    public func makeString(capacity: Int) throws(IPCError) -> SharedString {
        try make(SharedString.byteCount(capacity), SharedString.shape, capacity)
    }

    /// A map without entries.
    ///
    /// - Throws: as ``makeArray(of:capacity:)``.
    public func makeMap<Key: PlainData & Hashable, Value: PlainData>(
        of keys: Key.Type, to values: Value.Type, capacity: Int
    ) throws(IPCError) -> SharedMap<Key, Value> {
        try make(SharedMap<Key, Value>.byteCount(capacity), SharedMap<Key, Value>.shape, capacity)
    }

    /// A value.
    ///
    /// - Throws: as ``makeArray(of:capacity:)``.
    public func makeValue<Value: PlainData>(_ value: Value) throws(IPCError) -> SharedValue<Value> {
        try make(SharedValue<Value>.byteCount, SharedValue<Value>.shape, 1) { memory in
            SharedValue<Value>.slot(memory).write(1) { memory.storeWords(value, at: $0) }
        }
    }

    private func make<Content: ArenaContent>(
        _ byteCount: Int?, _ shape: ArenaShape, _ capacity: Int, _ initialize: (SharedBytes) -> Void = { _ in }
    ) throws(IPCError) -> Content {
        guard let byteCount else {
            throw IPCError(
                .invalidArgument, "allocate in an arena: a capacity of \(capacity) is not possible",
                object: arena.object)
        }
        let fingerprint = Content.fingerprint
        let place = try withHeap("allocate in an arena") { heap throws(IPCError) in
            try heap.allocate(
                byteCount, shape, fingerprint: fingerprint, capacity: capacity, arena.object, initialize)
        }
        return try Content(ArenaBlock(arena, self, place, fingerprint: fingerprint, Content.self))
    }

    // MARK: Freeing

    /// Gives back the memory of `content`. Whoever still uses it, here or in another process, gets `.removed`. What it
    /// points to stays, and so does a root that leads to it: remove that first.
    ///
    /// - Throws: `.removed` when it was freed before; `.invalidArgument` when it lies in another arena; `.closed`.
    public func free(_ content: some ArenaContent) throws(IPCError) {
        let block = content.block
        guard block.arena === arena else {
            throw IPCError(
                .invalidArgument, "free in an arena: this lies in another one; free it there", object: arena.object)
        }
        try withHeap("free in an arena") { heap throws(IPCError) in
            guard heap.holds(block.place) else {
                throw IPCError(
                    .removed, "free in an arena: it was freed before; free each piece once", object: arena.object)
            }
            heap.release(block.place.offset)
        }
    }

    /// Gives back each block that no root leads to: what an owner that was killed had made and not yet linked, and what
    /// was made since and forgotten.
    ///
    /// A root leads to what it names and, from there, to whatever a ``SharedPointer`` in an
    /// element, an entry or a value that is there now points to. Call it when what
    /// this process has made is linked; pointers that only other processes keep do not count.
    ///
    /// - Returns: how many blocks were given back.
    /// - Throws: `.busy`, `.closed`.
    @discardableResult
    public func reclaimUnreachable() throws(IPCError) -> Int {
        try withHeap("reclaim in an arena") { heap throws(IPCError) in
            let places = try arena.roots.all().map { BlockPlace(raw: $0.root.place) }
            return heap.reclaim(except: places)
        }
    }

    // MARK: Roots and pointers

    /// Names `content`, so that others find it; what had the name before stays and has none.
    ///
    /// - Throws: `.invalidName`: 1 to 63 bytes are needed; `.resourceExhausted`: there can be 128; `.removed`, `.closed`.
    public func setRoot<Content: ArenaContent>(_ name: String, to content: Content) throws(IPCError) {
        let root = Root(
            place: content.block.place.raw, fingerprint: Content.fingerprint,
            kind: ShortText(Content.typeDescription))
        try withHeap("name a root of an arena") { heap throws(IPCError) in
            guard content.block.arena === arena, heap.holds(content.block.place) else {
                throw ArenaBlock.gone(arena)
            }
            try arena.roots.set(root, named: name)
        }
    }

    /// Removes a name; what had it stays.
    ///
    /// - Returns: whether there was one.
    /// - Throws: `.invalidName`, `.closed`.
    @discardableResult
    public func removeRoot(_ name: String) throws(IPCError) -> Bool {
        try exclusively("remove a root of an arena") { () throws(IPCError) in try arena.roots.remove(name) }
    }

    /// What has the name `name`, to read and to change.
    ///
    /// - Throws: as ``SharedArena/root(_:as:)``.
    public func root<Content: ArenaContent>(
        _ name: String, as type: Content.Type = Content.self
    ) throws(IPCError) -> Content {
        try arena.root(name, as: type, self)
    }

    /// What lies where `pointer` says, to read and to change.
    ///
    /// - Throws: as ``SharedArena/content(of:)``.
    public func content<Content: ArenaContent>(of pointer: SharedPointer<Content>) throws(IPCError) -> Content {
        try pointer.content(arena, self)
    }

    // MARK: Room

    /// How full the arena is.
    public var statistics: ArenaStatistics {
        state.withLock {
            ArenaStatistics(
                usedByteCount: $0.heap.usedByteCount, freeByteCount: $0.heap.freeByteCount,
                blockCount: $0.heap.used.count)
        }
    }

    /// The bytes that the largest block could have which can be made now.
    public var largestFreeByteCount: Int { state.withLock { $0.heap.largestFreeByteCount } }

    /// Blocks that were being made by an owner when it was killed, and that this one found and freed.
    public var recoveredBlockCount: Int { state.withLock { $0.heap.recoveredBlockCount } }
}
