import IPCSystem

extension ObjectDirectory {
    /// An object as somebody finds it who does not know what it is.
    struct Entry {
        let name: String
        let kind: UInt32
        let bytes: SharedBytes
    }

    /// All objects, in no order.
    var entries: [Entry] {
        (0..<capacity).compactMap { index in
            let offset = bytes.word64(Self.tableOffset + index * 8).loadAcquiring()
            guard offset != 0, let record = record(offset), let size = Int(exactly: record.byteCount),
                bytes.contains(record.offset + Self.recordByteCount, size)
            else { return nil }
            let contents = bytes.slice(record.offset + Self.recordByteCount, size)
            return Entry(name: record.name, kind: record.kind, bytes: contents)
        }
    }
}
