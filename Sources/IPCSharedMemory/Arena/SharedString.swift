public import IPCCore
import IPCSystem

/// A text of up to a fixed number of bytes of UTF-8 in a ``SharedArena``, for its owner to set and for everybody to read.
///
/// It is never half set: see ``SharedValue``. That costs the room of two.
public struct SharedString: ArenaContent, ArenaShaped {
    /// The block that it lies in.
    public let block: ArenaBlock

    /// What it is, in words.
    public static var typeDescription: String { "a string" }

    /// Says that it is a string.
    public static var fingerprint: UInt64 { StableHash.fingerprint("string") }

    /// The most bytes that it can have.
    public var capacity: Int { block.capacity }

    static var shape: ArenaShape { .leaf }

    /// The largest capacity there is.
    static let maximumCapacity = Int(Int32.max)

    static func byteCount(_ capacity: Int) -> Int? {
        guard (1...maximumCapacity).contains(capacity) else { return nil }
        return 8 + 2 * ArenaLayout.roundUp(capacity, 8)
    }

    /// The string in `block`.
    public init(_ block: ArenaBlock) throws(IPCError) {
        try block.require(Self.byteCount(block.capacity))
        self.block = block
    }

    private static func slot(_ memory: SharedBytes, _ capacity: Int) -> TwinSlot {
        TwinSlot(memory: memory, offset: 0, copies: 8, stride: ArenaLayout.roundUp(capacity, 8))
    }

    /// The text. Bytes that are no UTF-8, which its owner never writes, become U+FFFD.
    ///
    /// - Throws: `.removed` when it was freed; `.busy` when it changes all the time; `.protocolViolation` when its length
    ///   is not one it can have.
    public func get() throws(IPCError) -> String {
        let bytes = try block.reading { memory throws(IPCError) in
            try Self.slot(memory, capacity).read(block.arena.object) { tag, copy throws(IPCError) -> [UInt8] in
                guard Int(tag) <= capacity else { throw ArenaBlock.damaged(block.arena) }
                return memory.wordArray(copy, Int(tag))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Replaces the text.
    ///
    /// - Throws: `.resourceExhausted` when it is longer than the capacity; `.permissionDenied` for who does not own the
    ///   arena; `.closed`, `.removed`.
    public func set(_ text: String) throws(IPCError) {
        let bytes = Array(text.utf8)
        guard bytes.count <= capacity else {
            throw IPCError(
                .resourceExhausted,
                "set a string in an arena: \(bytes.count) bytes are more than its capacity of \(capacity)",
                object: block.arena.object)
        }
        try block.writing { memory in
            Self.slot(memory, capacity).write(UInt32(bytes.count)) { copy in
                unsafe bytes.withUnsafeBytes { unsafe memory.storeWords($0.baseAddress!, $0.count, at: copy) }
            }
        }
    }
}
