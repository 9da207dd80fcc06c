public import IPCCore
import IPCSystem

/// Values, arrays, texts and maps in shared memory: one process makes and changes them, all see them where they lie.
///
/// ```swift
/// // The process that owns the arena
/// let arena = try SharedArena(at: .named("market"), .openOrCreate, byteCount: 1 << 20)
/// let owner = try arena.claim()
/// let prices = try owner.makeArray(of: Price.self, capacity: 1000)
/// try prices.append(Price(cents: 995))
/// try owner.setRoot("prices", to: prices)
///
/// // Another process
/// let arena = try SharedArena(at: .named("market"), .open, options: SharedMemoryOptions(access: .readOnly))
/// let prices = try arena.root("prices", as: SharedArray<Price>.self)
/// print(try prices.elements())
/// ```
///
/// - **One owner** at a time, in any process, allocates, frees and changes (``claim()``). The claim is a lock that the
///   kernel drops when the process ends, so that a dead owner is in nobody's way.
/// - **Everybody reads**, without a lock and without waiting, through addresses that differ from process to process: what
///   is stored are offsets (``SharedPointer``). The one thing that processes other than the owner may change are the words
///   of a `SharedArray<UInt64>`, by ``SharedArray/atomic(at:)``.
/// - **The containers are no locks.** ``SharedValue``, ``SharedString`` and each entry of a ``SharedMap`` are seen whole;
///   elements of a ``SharedArray`` are not while they change, and nothing says that two of them belong together.
/// - **Death of the owner**, at any instant: the blocks follow one another as before. At worst one is lost that was being
///   made (the next owner gets it back) or that nobody leads to yet (``SharedArenaOwner/reclaimUnreachable()``).
/// - **Trust.** What the memory says is read once and checked: types and sizes when something is opened, indices with each
///   access. Whoever can write to the region can make values mean nothing, and gets others `.protocolViolation`,
///   `.typeMismatch` or `.removed`; nobody reads outside of the region or traps. A *file* or named region that somebody
///   cuts short is SIGBUS: see ``SharedMemory``.
public final class SharedArena: Sendable {
    let region: SharedMemory

    /// Where it lies.
    public var place: SharedMemoryPlace { region.place }

    /// What errors call it.
    var object: String { place.description }

    var roots: RootTable { RootTable(region.payload, object) }

    /// Makes an arena, or finds one.
    ///
    /// - Parameters:
    ///   - place: where. Without one, the arena is anonymous and has to be passed on.
    ///   - intent: whether to make it; an anonymous arena is always made.
    ///   - byteCount: how many bytes a new one has, with some 35 KiB for the names of its roots and 32 bytes for each
    ///     block; for one that is found, the size that it must have. nil: any.
    ///   - options: access, permissions, pages. Who only reads may say so.
    /// - Throws: as ``SharedMemory``; `.invalidArgument` for a size that is too small or above 128 GiB.
    public init(
        at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .create, byteCount: Int? = nil,
        options: SharedMemoryOptions = SharedMemoryOptions()
    ) throws(IPCError) {
        if let byteCount, !Self.sizes.contains(byteCount) {
            throw IPCError(
                .invalidArgument,
                "make an arena: \(byteCount) bytes are not between \(Self.sizes.lowerBound) and \(Self.sizes.upperBound)",
                object: place.description)
        }
        region = try SharedMemory(
            at: place, intent, byteCount: byteCount, layout: ArenaLayout.region, options: options
        ) { ArenaLayout.format($0) }
        try Self.check(region)
    }

    private init(_ region: SharedMemory) throws(IPCError) {
        self.region = region
        try Self.check(region)
    }

    private static let sizes = ArenaLayout.minimumByteCount...ArenaLayout.maximumByteCount

    private static func check(_ region: SharedMemory) throws(IPCError) {
        guard region.layout == ArenaLayout.region, sizes.contains(region.byteCount) else {
            throw IPCError(
                .typeMismatch, "open an arena: this region is none", object: region.place.description)
        }
    }

    /// Becomes the owner.
    ///
    /// Blocks that a killed owner was making are free again. A process made by fork(2) without exec(3) from the owner
    /// shares its claim: do not make such.
    ///
    /// - Throws: `.busy` while another has it, in this process or any; `.permissionDenied` for an arena that was opened
    ///   for reading; `.unsupported` for a System V segment, which has no file to lock; `.protocolViolation` when the
    ///   blocks are damaged.
    public func claim() throws(IPCError) -> SharedArenaOwner {
        try SharedArenaOwner(self)
    }

    /// What has the name `name`, to read.
    ///
    /// - Throws: `.notFound`; `.typeMismatch` when it is something else; `.removed` when it was freed; `.invalidName`;
    ///   `.protocolViolation`, `.truncated`.
    public func root<Content: ArenaContent>(
        _ name: String, as type: Content.Type = Content.self
    ) throws(IPCError) -> Content {
        try root(name, as: type, nil)
    }

    package func root<Content: ArenaContent>(
        _ name: String, as type: Content.Type, _ owner: SharedArenaOwner?
    ) throws(IPCError) -> Content {
        if !region.hasFixedSize { try region.checkSize() }
        guard let root = try roots.root(name) else {
            throw IPCError(.notFound, "open a root of an arena: none has the name \(name)", object: object)
        }
        guard root.fingerprint == Content.fingerprint else {
            throw ArenaBlock.mismatch(
                self, "open the root \(name) of an arena", Content.self, found: root.kind.string, root.fingerprint,
                BlockPlace(raw: root.place))
        }
        return try Content(
            ArenaBlock(self, owner, BlockPlace(raw: root.place), fingerprint: root.fingerprint, Content.self))
    }

    /// What lies where `pointer` says, to read.
    ///
    /// - Throws: `.removed` when it was freed; `.typeMismatch`; `.invalidArgument` for the null pointer;
    ///   `.protocolViolation`, `.truncated`.
    public func content<Content: ArenaContent>(of pointer: SharedPointer<Content>) throws(IPCError) -> Content {
        try pointer.content(self, nil)
    }

    /// The names of the roots and what they lead to, in words, sorted by name.
    ///
    /// - Throws: `.busy`, `.truncated`.
    public func rootNames() throws(IPCError) -> [(name: String, kind: String)] {
        if !region.hasFixedSize { try region.checkSize() }
        return try roots.all().map { (name: $0.name, kind: $0.root.kind.string) }.sorted { $0.name < $1.name }
    }

    /// How full it is, as its owner last said.
    public var statistics: ArenaStatistics {
        let memory = region.payload
        let total = ArenaLayout.heapEnd(memory.byteCount) - ArenaLayout.heapStart
        let used = min(memory.word64(ArenaLayout.usedBytesOffset).loadRelaxed(), UInt64(total))
        return ArenaStatistics(
            usedByteCount: Int(used), freeByteCount: total - Int(used),
            blockCount: Int(clamping: memory.word64(ArenaLayout.usedBlocksOffset).loadRelaxed()))
    }
}

/// How full a ``SharedArena`` is.
public struct ArenaStatistics: Sendable, Hashable {
    /// Bytes in use, with 32 for each block.
    public var usedByteCount: Int
    /// Bytes that are free, in all.
    public var freeByteCount: Int
    /// Blocks in use.
    public var blockCount: Int
}

extension SharedArena: DescriptorTransferable {
    /// The arena for another process, with the access that this one has. It stays mapped here as well.
    ///
    /// - Throws: as ``SharedMemory/transfer()``.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        try region.transfer(for: region.access)
    }

    /// The arena for another process, which can do no more with it than `access` says.
    ///
    /// - Throws: as ``SharedMemory/transfer(for:)``.
    public func transfer(for access: SharedMemoryAccess) throws(IPCError) -> TransferredDescriptors {
        try region.transfer(for: access)
    }

    /// The arena on the other side.
    ///
    /// - Throws: as ``SharedMemory/receive(_:)``; `.typeMismatch` when the region is no arena.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> SharedArena {
        try SharedArena(SharedMemory.receive(transferred))
    }
}
