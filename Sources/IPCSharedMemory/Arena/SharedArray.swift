public import IPCCore
import IPCSystem

/// Up to a fixed number of values, one behind the other, in a ``SharedArena``.
///
/// Its owner adds, changes and removes; everybody reads. **It is no lock**: who reads an element while the owner changes it
/// may see a part of the new one and a part of the old one, and an owner that is killed while it changes one leaves it so.
/// Elements that are added are there once ``count`` says so, whole. For words that many processes change, take a
/// `SharedArray<UInt64>` and ``atomic(at:)``; for values that must be whole, ``SharedValue``, ``SharedMap`` or
/// ``Blackboard``.
public struct SharedArray<Element: PlainData>: ArenaContent, ArenaShaped {
    /// The block that it lies in.
    public let block: ArenaBlock

    /// What it is, in words.
    public static var typeDescription: String { "an array of \(Element.self)" }

    /// Says the type of the elements.
    public static var fingerprint: UInt64 { StableHash.fingerprint("array", PlainDataFingerprint.of(Element.self)) }

    /// The most elements that it can have.
    public var capacity: Int { block.capacity }

    private static var first: Int { 16 }
    private static var stride: Int { MemoryLayout<Element>.stride }

    static var shape: ArenaShape { .array(stride: stride) }

    static func byteCount(_ capacity: Int) -> Int? {
        let (product, overflow) = capacity.multipliedReportingOverflow(by: stride)
        guard capacity > 0, !overflow, product <= Int.max - first else { return nil }
        return first + product
    }

    /// The array in `block`.
    public init(_ block: ArenaBlock) throws(IPCError) {
        try block.require(Self.byteCount(block.capacity))
        self.block = block
    }

    private func offset(_ index: Int) -> Int { Self.first + index * Self.stride }

    private func count(_ memory: SharedBytes) -> Int {
        Int(min(memory.word64(0).loadAcquiring(), UInt64(capacity)))
    }

    private func setCount(_ count: Int, _ memory: SharedBytes) { memory.word64(0).storeReleasing(UInt64(count)) }

    private func check(_ index: Int, _ count: Int) throws(IPCError) {
        guard index >= 0, index < count else {
            throw IPCError(
                .invalidArgument, "use an array in an arena: it has \(count) elements, and no index \(index)",
                object: block.arena.object)
        }
    }

    /// How many elements it has.
    ///
    /// - Throws: `.removed` when it was freed.
    public var count: Int {
        get throws(IPCError) { try block.reading { memory in count(memory) } }
    }

    /// An element, copied.
    ///
    /// - Throws: `.invalidArgument` when there is none at `index`; `.removed`.
    public func element(at index: Int) throws(IPCError) -> Element {
        try block.reading { memory throws(IPCError) in
            try check(index, count(memory))
            return memory.loadPieces(offset(index), as: Element.self)
        }
    }

    /// All elements, copied.
    ///
    /// - Throws: `.removed`.
    public func elements() throws(IPCError) -> [Element] {
        try block.reading { memory in (0..<count(memory)).map { memory.loadPieces(offset($0), as: Element.self) } }
    }

    // MARK: By the owner

    /// Adds an element.
    ///
    /// - Throws: `.resourceExhausted` when it is full; `.permissionDenied` for who does not own the arena; `.closed`,
    ///   `.removed`.
    public func append(_ element: Element) throws(IPCError) {
        try block.writing { memory throws(IPCError) in
            let count = count(memory)
            guard count < capacity else { throw full() }
            memory.storePieces(element, at: offset(count))
            KillPoints.pass("arena element written")
            setCount(count + 1, memory)
        }
    }

    /// Replaces an element.
    ///
    /// - Throws: `.invalidArgument` when there is none at `index`; as ``append(_:)`` else.
    public func set(_ element: Element, at index: Int) throws(IPCError) {
        try block.writing { memory throws(IPCError) in
            try check(index, count(memory))
            memory.storePieces(element, at: offset(index))
        }
    }

    /// Replaces all elements.
    ///
    /// - Throws: as ``append(_:)``.
    public func replaceAll(with elements: [Element]) throws(IPCError) {
        guard elements.count <= capacity else { throw full() }
        try block.writing { memory in
            for (index, element) in elements.enumerated() { memory.storePieces(element, at: offset(index)) }
            setCount(elements.count, memory)
        }
    }

    /// Removes and returns the last element; nil when there is none.
    ///
    /// - Throws: as ``append(_:)``.
    @discardableResult
    public func removeLast() throws(IPCError) -> Element? {
        try block.writing { memory in
            let count = count(memory)
            guard count > 0 else { return nil }
            setCount(count - 1, memory)
            return memory.loadPieces(offset(count - 1), as: Element.self)
        }
    }

    /// Removes all elements.
    ///
    /// - Throws: as ``append(_:)``.
    public func removeAll() throws(IPCError) {
        try block.writing { memory in setCount(0, memory) }
    }

    private func full() -> IPCError {
        IPCError(
            .resourceExhausted, "add to an array in an arena: its capacity is \(capacity)", object: block.arena.object)
    }
}

extension SharedArray where Element == UInt64 {
    /// An element as a word that any process with write access changes at once with others, without losing a change.
    ///
    /// The word stays usable as long as the region does: the owner must not free an array that others count in.
    ///
    /// - Throws: `.invalidArgument` when there is none at `index`; `.permissionDenied` when the arena was opened for
    ///   reading alone; `.removed`.
    public func atomic(at index: Int) throws(IPCError) -> SharedAtomic {
        guard block.arena.region.access != .readOnly else {
            throw IPCError(
                .permissionDenied, "use an atomic word: the arena was opened for reading alone",
                object: block.arena.object)
        }
        return try block.reading { memory throws(IPCError) in
            try check(index, count(memory))
            return SharedAtomic(block.arena.region, memory.word64(offset(index)))
        }
    }
}
