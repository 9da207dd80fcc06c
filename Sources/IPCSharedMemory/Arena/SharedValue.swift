public import IPCCore
import IPCSystem

/// One value in a ``SharedArena``, for its owner to set and for everybody to read.
///
/// It is never half set: a reader sees a value whole, and so does everybody after an owner that was killed while it set
/// it. That costs the room of two.
public struct SharedValue<Value: PlainData>: ArenaContent, ArenaShaped {
    /// The block that it lies in.
    public let block: ArenaBlock

    /// What it is, in words.
    public static var typeDescription: String { "a value of \(Value.self)" }

    /// Says the type of the value.
    public static var fingerprint: UInt64 { StableHash.fingerprint("value", PlainDataFingerprint.of(Value.self)) }

    static var byteCount: Int { 8 + 2 * stride }

    static var shape: ArenaShape { .single(valueByteCount: stride) }

    private static var stride: Int { ArenaLayout.roundUp(MemoryLayout<Value>.size, 8) }

    /// The value in `block`.
    public init(_ block: ArenaBlock) throws(IPCError) {
        try block.require(Self.byteCount)
        self.block = block
    }

    static func slot(_ memory: SharedBytes) -> TwinSlot {
        TwinSlot(memory: memory, offset: 0, copies: 8, stride: stride)
    }

    /// The value.
    ///
    /// - Throws: `.removed` when it was freed; `.busy` when it changes all the time.
    public func get() throws(IPCError) -> Value {
        try block.reading { memory throws(IPCError) in
            try Self.slot(memory).read(block.arena.object) { _, copy in memory.loadWords(copy, as: Value.self) }
        }
    }

    /// Replaces the value.
    ///
    /// - Throws: `.permissionDenied` for who does not own the arena; `.closed`, `.removed`.
    public func set(_ value: Value) throws(IPCError) {
        try block.writing { memory in Self.slot(memory).write(1) { memory.storeWords(value, at: $0) } }
    }
}
