import IPCCore
import IPCSystem

/// The names by which other processes find what lies in an arena.
struct RootTable {
    typealias Table = ArenaTable<RootName, Root>

    private let table: Table

    static func byteCount(slotCount: Int) -> Int { Table.byteCount(slotCount: slotCount) }

    init(_ memory: SharedBytes, _ object: String) {
        let slots = ArenaLayout.maximumRootCount
        table = Table(
            memory: memory.slice(ArenaLayout.rootsOffset, Table.byteCount(slotCount: slots)), slotCount: slots,
            object: object, padding: [])
    }

    func root(_ name: String) throws(IPCError) -> Root? { try table.value(of: try key(name)) }

    func all() throws(IPCError) -> [(name: String, root: Root)] {
        try table.entries().map { (name: $0.key.text.string, root: $0.value) }
    }

    func set(_ root: Root, named name: String) throws(IPCError) {
        guard table.set(root, for: try key(name), mayAdd: true) != .full else {
            throw IPCError(
                .resourceExhausted,
                "name a root of an arena: it has \(ArenaLayout.maximumRootCount) already; remove one",
                object: table.object)
        }
    }

    func remove(_ name: String) throws(IPCError) -> Bool { table.remove(try key(name)) }

    private func key(_ name: String) throws(IPCError) -> RootName {
        guard !name.isEmpty, name.utf8.count <= ShortText.maximumByteCount else {
            throw IPCError(
                .invalidName,
                "name a root of an arena: a name of 1 to \(ShortText.maximumByteCount) bytes is needed", object: name)
        }
        return RootName(text: ShortText(name))
    }
}

/// The name of a root.
struct RootName: PlainData {
    let text: ShortText
}

/// What a root leads to.
struct Root: PlainData {
    let place: UInt64
    let fingerprint: UInt64
    /// In words, for errors.
    let kind: ShortText
}

/// A text of up to 63 bytes; what is longer is cut.
struct ShortText: PlainData {
    static let maximumByteCount = 63

    private var bytes: InlineArray<64, UInt8>

    init(_ text: String) {
        var bytes = InlineArray<64, UInt8>(repeating: 0)
        for (index, byte) in text.utf8.prefix(Self.maximumByteCount).enumerated() { bytes[index] = byte }
        self.bytes = bytes
    }

    var string: String {
        var found: [UInt8] = []
        for index in bytes.indices where index < Self.maximumByteCount {
            guard bytes[index] != 0 else { break }
            found.append(bytes[index])
        }
        return String(decoding: found, as: UTF8.self)
    }
}
