public import IPCCore

/// Where something lies in a ``SharedArena``: plain data that can itself be stored in the arena, or sent to another
/// process.
///
/// It says which block is meant (a block that was freed since is noticed, also when its place has another now) and what
/// lies there.
///
/// ```swift
/// struct Node: PlainData { var price: Double; var next: SharedPointer<SharedValue<Node>> }
/// ```
public struct SharedPointer<Content: ArenaContent>: PlainData, Hashable {
    private let rawPlace: UInt64
    private let fingerprint: UInt64

    private init(rawPlace: UInt64, fingerprint: UInt64) {
        self.rawPlace = rawPlace
        self.fingerprint = fingerprint
    }

    /// The place of `content`.
    public init(_ content: Content) {
        self.init(rawPlace: content.block.place.raw, fingerprint: Content.fingerprint)
    }

    /// The place of nothing.
    public static var null: SharedPointer { SharedPointer(rawPlace: 0, fingerprint: 0) }

    /// Whether it is the place of nothing.
    public var isNull: Bool { rawPlace == 0 }

    func content(_ arena: SharedArena, _ owner: SharedArenaOwner?) throws(IPCError) -> Content {
        guard !isNull else {
            throw IPCError(
                .invalidArgument, "follow a pointer in an arena: it is the place of nothing", object: arena.object)
        }
        guard fingerprint == Content.fingerprint else {
            throw ArenaBlock.mismatch(
                arena, "follow a pointer in an arena", Content.self, found: "a pointer to something else", fingerprint,
                BlockPlace(raw: rawPlace))
        }
        return try Content(
            ArenaBlock(arena, owner, BlockPlace(raw: rawPlace), fingerprint: fingerprint, Content.self))
    }
}
