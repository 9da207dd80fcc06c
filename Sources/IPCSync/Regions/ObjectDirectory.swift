import IPCCore
import IPCSystem

/// What kind of object a record of a directory is.
package struct SyncObjectType: Sendable, Equatable {
    package let kind: UInt32
    /// What errors call it.
    package let name: String
    package let version: UInt32
    /// Of the type of the value in it; 0 for none.
    package let fingerprint: UInt64
    /// That type in words, for errors.
    package let content: String?
    package let byteCount: Int

    package init(
        kind: UInt32, name: String, version: UInt32 = 1, fingerprint: UInt64 = 0, content: String? = nil,
        byteCount: Int
    ) {
        self.kind = kind
        self.name = name
        self.version = version
        self.fingerprint = fingerprint
        self.content = content
        self.byteCount = byteCount
    }

    /// What errors call an object of that kind that was found.
    static func name(ofKind kind: UInt32) -> String {
        switch kind {
        case 1: "a mutex"
        case 2: "a lock"
        case 3: "a condition"
        case 10: "an event that is reset by hand"
        case 11: "an event that resets itself"
        case 12: "a latch"
        case 13: "a once"
        case 14: "an election"
        case 15: "a plain semaphore"
        case 16: "a leased semaphore"
        case 17: "a read-write lock"
        case 18: "a barrier"
        default: "an object of the unknown kind \(kind)"
        }
    }
}

/// The objects of a region by name: a hash table of offsets, and records behind it that never move or go. Host byte order.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 8 | where free room begins |
/// | 8 | 8 | places of the table, a power of two |
/// | 64 | 8 each | the table: the offset of a record, 0 for none |
///
/// A record begins at a multiple of 64: kind (4 bytes), version (4), fingerprint (8), bytes of the object (8), bytes of the
/// name (4), at 32 the name (up to 96 bytes), at 128 the object.
///
/// An object is whole before the one store that makes it findable, so nobody waits for anybody here. Whoever is killed in
/// between, or loses the race for a name, leaves some unused room behind.
struct ObjectDirectory {
    static let maximumNameLength = 96
    static let tableOffset = 64
    static let recordByteCount = 128
    private static let nextOffset = 0
    private static let capacityOffset = 8

    let bytes: SharedBytes
    /// Read once: a peer may write it.
    let capacity: Int

    /// The bytes for `objects` objects of `byteCount` bytes each, and their directory.
    static func byteCount(objects: Int, of byteCount: Int) -> Int {
        tableOffset + capacity(for: objects) * 8 + 56 + objects * (recordByteCount + roundUp(byteCount))
    }

    /// Twice the objects, so that looking is short.
    private static func capacity(for objects: Int) -> Int {
        var capacity = 2
        while capacity < 2 * objects { capacity *= 2 }
        return capacity
    }

    private static func roundUp(_ count: Int) -> Int { (count + 63) / 64 * 64 }

    /// Lays an empty directory out in zeroed memory.
    static func make(_ bytes: SharedBytes, objects: Int) -> ObjectDirectory {
        let capacity = capacity(for: objects)
        bytes.store(UInt64(capacity), at: capacityOffset)
        bytes.store(UInt64(roundUp(tableOffset + capacity * 8)), at: nextOffset)
        return ObjectDirectory(bytes: bytes, capacity: capacity)
    }

    /// Finds the one in a region that somebody has made.
    static func find(_ bytes: SharedBytes, _ object: String) throws(IPCError) -> ObjectDirectory {
        let capacity = bytes.contains(0, tableOffset) ? bytes.load(capacityOffset, as: UInt64.self) : 0
        guard capacity > 0, capacity & (capacity - 1) == 0, capacity <= UInt64((bytes.byteCount - tableOffset) / 8)
        else {
            throw IPCError(
                .protocolViolation, "open a region of objects: its directory contradicts itself; make it anew",
                object: object)
        }
        return ObjectDirectory(bytes: bytes, capacity: Int(capacity))
    }

    /// The object of that name; nil when there is none.
    ///
    /// - Throws: `.typeMismatch`, `.wrongVersion` when it is another one than expected.
    func object(_ name: String, _ type: SyncObjectType) throws(IPCError) -> SharedBytes? {
        for step in 0..<capacity {
            let offset = place(name, step).loadAcquiring()
            if offset == 0 { return nil }
            if let record = record(offset), record.name == name { return try check(record, type) }
        }
        return nil
    }

    /// The object of that name, which is made if there is none: `initialize` gets its zeroed bytes.
    func makeObject(
        _ name: String, _ type: SyncObjectType, _ initialize: (SharedBytes) -> Void
    ) throws(IPCError) -> (object: SharedBytes, wasCreated: Bool) {
        if let object = try object(name, type) { return (object, false) }
        let offset = try takeRoom(for: type, name)
        write(name, type, at: offset)
        let object = bytes.slice(offset + Self.recordByteCount, type.byteCount)
        initialize(object)
        KillPoints.pass("sync-object-made")
        for step in 0..<capacity {
            let place = place(name, step)
            var found = place.loadAcquiring()
            if found == 0 {
                let (isDone, other) = place.replaceSequential(0, with: UInt64(offset))
                if isDone { return (object, true) }
                found = other
            }
            // Somebody else was faster, with this name or with another one of the same place.
            if let record = record(found), record.name == name { return (try check(record, type), false) }
        }
        throw IPCError(
            .resourceExhausted,
            "make \(type.name): all \(capacity) places of the region's directory are taken; "
                + "make the region for more objects", object: name)
    }

    /// All objects, in no order.
    var objects: [SyncObjectListing] {
        (0..<capacity).compactMap { index in
            guard bytes.contains(Self.tableOffset + index * 8, 8) else { return nil }
            let offset = bytes.word64(Self.tableOffset + index * 8).loadAcquiring()
            guard offset != 0, let found = record(offset) else { return nil }
            return SyncObjectListing(
                name: found.name, kind: SyncObjectKind(rawValue: found.kind), byteCount: Int(clamping: found.byteCount))
        }
    }

    private func place(_ name: String, _ step: Int) -> SharedWord64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let index = (Int(truncatingIfNeeded: hash >> 1) + step) & (capacity - 1)
        return bytes.word64(Self.tableOffset + index * 8)
    }

    private func takeRoom(for type: SyncObjectType, _ name: String) throws(IPCError) -> Int {
        let size = Self.recordByteCount + Self.roundUp(type.byteCount)
        let next = bytes.word64(Self.nextOffset)
        var start = next.loadAcquiring()
        while true {
            guard start & 63 == 0, start < UInt64(bytes.byteCount), bytes.contains(Int(start), size) else {
                throw IPCError(
                    .resourceExhausted,
                    "make \(type.name): the region has no room for \(size) more bytes; make it larger",
                    object: name)
            }
            let (isDone, found) = next.replaceSequential(start, with: start + UInt64(size))
            if isDone { return Int(start) }
            start = found
        }
    }

    private func write(_ name: String, _ type: SyncObjectType, at offset: Int) {
        bytes.store(type.kind, at: offset)
        bytes.store(type.version, at: offset + 4)
        bytes.store(type.fingerprint, at: offset + 8)
        bytes.store(UInt64(type.byteCount), at: offset + 16)
        bytes.store(UInt32(name.utf8.count), at: offset + 24)
        bytes.store(unsafe Array(name.utf8).span.bytes, at: offset + 32)
    }

    struct Record {
        let name: String
        let kind: UInt32
        let version: UInt32
        let fingerprint: UInt64
        let byteCount: UInt64
        let offset: Int
    }

    func record(_ offset: UInt64) -> Record? {
        guard offset & 63 == 0, offset < UInt64(bytes.byteCount),
            bytes.contains(Int(offset), Self.recordByteCount)
        else { return nil }
        let start = Int(offset)
        let length = Int(bytes.load(start + 24, as: UInt32.self))
        guard length <= Self.maximumNameLength else { return nil }
        return Record(
            name: String(decoding: bytes.array(start + 32, length), as: UTF8.self),
            kind: bytes.load(start, as: UInt32.self), version: bytes.load(start + 4, as: UInt32.self),
            fingerprint: bytes.load(start + 8, as: UInt64.self), byteCount: bytes.load(start + 16, as: UInt64.self),
            offset: start)
    }

    private func check(_ found: Record, _ type: SyncObjectType) throws(IPCError) -> SharedBytes {
        guard found.kind == type.kind, found.fingerprint == type.fingerprint, found.byteCount == UInt64(type.byteCount)
        else {
            let (want, have) = (String(type.fingerprint, radix: 16), String(found.fingerprint, radix: 16))
            let kinds = (SyncObjectType.name(ofKind: type.kind), SyncObjectType.name(ofKind: found.kind))
            let content = type.content.map { " of \($0)" } ?? ""
            let isOfOtherContent = found.kind == type.kind && found.byteCount == UInt64(type.byteCount)
            throw IPCError(
                .typeMismatch,
                "open \(type.name): expected \(kinds.0)\(content), "
                    + (isOfOtherContent
                        ? "found one of another type, as large but laid out otherwise"
                        : "\(type.byteCount) bytes in all, found \(kinds.1), \(found.byteCount) bytes in all")
                    + "; fingerprints \(want) and \(have)", object: found.name.isEmpty ? nil : found.name)
        }
        guard found.version == type.version else {
            throw IPCError(
                .wrongVersion, "open \(type.name): expected version \(type.version), found \(found.version)",
                object: found.name)
        }
        let start = found.offset + Self.recordByteCount
        guard bytes.contains(start, type.byteCount) else {
            throw IPCError(.protocolViolation, "open \(type.name): it lies outside of its region", object: found.name)
        }
        return bytes.slice(start, type.byteCount)
    }
}
