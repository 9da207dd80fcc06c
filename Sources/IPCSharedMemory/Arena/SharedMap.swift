public import IPCCore
import IPCSystem

/// Values by keys, up to a fixed number, in a ``SharedArena``.
///
/// Its owner sets and removes; everybody reads, without a lock and without waiting: a value is seen whole, before or after
/// a change, also when the owner is killed while it makes one. Two keys are the same when their bytes are (0 and -0 of a
/// float are two), whatever `==` says, because processes must agree on it that have nothing in common but memory.
public struct SharedMap<Key: PlainData & Hashable, Value: PlainData>: ArenaContent, ArenaShaped {
    /// The block that it lies in.
    public let block: ArenaBlock

    /// What it is, in words.
    public static var typeDescription: String { "a map of \(Key.self) to \(Value.self)" }

    /// Says the types of keys and values.
    public static var fingerprint: UInt64 {
        StableHash.fingerprint("map", PlainDataFingerprint.of(Key.self), PlainDataFingerprint.of(Value.self))
    }

    /// The most entries that it can have.
    public var capacity: Int { block.capacity }

    private typealias Table = ArenaTable<Key, Value>

    private static var first: Int { 8 }

    private let slotCount: Int
    private let padding: [Range<Int>]

    static var shape: ArenaShape {
        .map(keyByteCount: Table.keyByteCount, valueByteCount: Table.valueByteCount)
    }

    static func byteCount(_ capacity: Int) -> Int? {
        guard let slots = ArenaShape.slotCount(capacity) else { return nil }
        let (product, overflow) = slots.multipliedReportingOverflow(by: Table.slotByteCount)
        return overflow || product > Int.max - first ? nil : first + product
    }

    /// The map in `block`.
    public init(_ block: ArenaBlock) throws(IPCError) {
        try block.require(Self.byteCount(block.capacity))
        guard let slots = ArenaShape.slotCount(block.capacity) else { throw ArenaBlock.damaged(block.arena) }
        self.block = block
        slotCount = slots
        padding = PlainDataLayout.padding(of: Key.self)
        // The count is a cache: an owner that was killed may have left it one off.
        if block.owner != nil {
            try block.writing { memory in setCount(table(memory).presentCount, memory) }
        }
    }

    private func table(_ memory: SharedBytes) -> Table {
        Table(
            memory: memory.slice(Self.first, Table.byteCount(slotCount: slotCount)), slotCount: slotCount,
            object: block.arena.object, padding: padding)
    }

    private func count(_ memory: SharedBytes) -> Int { Int(min(memory.word64(0).loadRelaxed(), UInt64(capacity))) }

    private func setCount(_ count: Int, _ memory: SharedBytes) { memory.word64(0).storeRelaxed(UInt64(count)) }

    /// How many entries it has.
    ///
    /// - Throws: `.removed` when it was freed.
    public var count: Int {
        get throws(IPCError) { try block.reading { memory in count(memory) } }
    }

    /// The value of `key`; nil when there is none.
    ///
    /// - Throws: `.removed` when the map was freed; `.busy` when the entry changes all the time.
    public func value(of key: Key) throws(IPCError) -> Value? {
        try block.reading { memory throws(IPCError) in try table(memory).value(of: key) }
    }

    /// All entries, each as it was when it was read, in no order.
    ///
    /// - Throws: as ``value(of:)``.
    public func entries() throws(IPCError) -> [(key: Key, value: Value)] {
        try block.reading { memory throws(IPCError) in try table(memory).entries() }
    }

    // MARK: By the owner

    /// Sets the value of `key`.
    ///
    /// - Throws: `.resourceExhausted` when the key is new and the map full; `.permissionDenied` for who does not own the
    ///   arena; `.closed`, `.removed`.
    public func set(_ value: Value, for key: Key) throws(IPCError) {
        try block.writing { memory throws(IPCError) in
            let count = count(memory)
            switch table(memory).set(value, for: key, mayAdd: count < capacity) {
            case .added: setCount(count + 1, memory)
            case .replaced: break
            case .full:
                throw IPCError(
                    .resourceExhausted, "add to a map in an arena: its capacity is \(capacity)",
                    object: block.arena.object)
            }
        }
    }

    /// Removes the entry of `key`.
    ///
    /// - Returns: whether there was one.
    /// - Throws: as ``set(_:for:)``.
    @discardableResult
    public func removeValue(of key: Key) throws(IPCError) -> Bool {
        try block.writing { memory in
            let isRemoved = table(memory).remove(key)
            if isRemoved { setCount(max(0, count(memory) - 1), memory) }
            return isRemoved
        }
    }
}
