import IPCCore
import IPCSystem

/// Keys and values in slots, found by open addressing: what maps and the roots of an arena are.
///
/// A slot is a ``TwinSlot``: its word, its key, and two copies of its value. Its tag says whether it was never used, has an
/// entry, or had one.
struct ArenaTable<Key: PlainData, Value: PlainData> {
    enum Tag {
        static var never: UInt32 { 0 }
        static var present: UInt32 { 1 }
        static var removed: UInt32 { 2 }
    }

    let memory: SharedBytes
    /// A power of two.
    let slotCount: Int
    let object: String
    /// The bytes of a key that are no part of its value.
    let padding: [Range<Int>]

    static var keyByteCount: Int { ArenaLayout.roundUp(MemoryLayout<Key>.size, 8) }
    static var valueByteCount: Int { ArenaLayout.roundUp(MemoryLayout<Value>.size, 8) }
    static var slotByteCount: Int { 8 + keyByteCount + 2 * valueByteCount }

    static func byteCount(slotCount: Int) -> Int { slotCount * slotByteCount }

    private func slot(_ index: Int) -> TwinSlot {
        let offset = index * Self.slotByteCount
        return TwinSlot(
            memory: memory, offset: offset, copies: offset + 8 + Self.keyByteCount, stride: Self.valueByteCount)
    }

    private func keyOffset(_ index: Int) -> Int { index * Self.slotByteCount + 8 }

    /// The key with zeroes where it has no bytes of its own, so that equal keys are equal bytes.
    private func canonical(_ key: Key) -> Key {
        var key = key
        unsafe withUnsafeMutableBytes(of: &key) { bytes in
            for range in padding { for index in range { unsafe bytes[index] = 0 } }
        }
        return key
    }

    private func firstIndex(_ key: Key) -> Int {
        let hash = unsafe withUnsafeBytes(of: key) { unsafe StableHash.of($0) }
        return Int(truncatingIfNeeded: hash) & (slotCount - 1)
    }

    private func isKey(_ key: Key, at index: Int) -> Bool {
        let found = memory.loadWords(keyOffset(index), as: Key.self)
        return unsafe withUnsafeBytes(of: key) { key in
            unsafe withUnsafeBytes(of: found) { unsafe $0.elementsEqual(key) }
        }
    }

    /// The value of `key`.
    func value(of key: Key) throws(IPCError) -> Value? {
        let key = canonical(key)
        let first = firstIndex(key)
        for step in 0..<slotCount {
            let index = (first + step) & (slotCount - 1)
            let (value, isLast) = try slot(index).read(object) { tag, copy throws(IPCError) -> (Value?, Bool) in
                guard tag == Tag.present else { return (nil, tag == Tag.never) }
                guard isKey(key, at: index) else { return (nil, false) }
                return (memory.loadWords(copy, as: Value.self), true)
            }
            if value != nil || isLast { return value }
        }
        return nil
    }

    /// Each entry as it is when its slot is read.
    func entries() throws(IPCError) -> [(key: Key, value: Value)] {
        var found: [(key: Key, value: Value)] = []
        for index in 0..<slotCount {
            let entry = try slot(index).read(object) { tag, copy throws(IPCError) -> (Key, Value)? in
                guard tag == Tag.present else { return nil }
                return (memory.loadWords(keyOffset(index), as: Key.self), memory.loadWords(copy, as: Value.self))
            }
            if let entry { found.append((key: entry.0, value: entry.1)) }
        }
        return found
    }

    var presentCount: Int { (0..<slotCount).lazy.filter { slot($0).tag == Tag.present }.count }

    // MARK: By the owner

    /// The slot that has `key`, and the first one that could take it.
    private func place(of key: Key) -> (found: Int?, vacant: Int?) {
        let first = firstIndex(key)
        var vacant: Int?
        for step in 0..<slotCount {
            let index = (first + step) & (slotCount - 1)
            let tag = slot(index).tag
            if tag == Tag.present {
                if isKey(key, at: index) { return (index, vacant) }
            } else {
                vacant = vacant ?? index
                if tag == Tag.never { break }
            }
        }
        return (nil, vacant)
    }

    enum Insertion {
        case added, replaced, full
    }

    /// Sets the value of `key`. A new key is not added when `mayAdd` is false.
    func set(_ value: Value, for key: Key, mayAdd: Bool) -> Insertion {
        let key = canonical(key)
        let (found, vacant) = place(of: key)
        guard let index = found ?? (mayAdd ? vacant : nil) else { return .full }
        if found == nil {
            memory.storeWords(key, at: keyOffset(index))
            KillPoints.pass("arena key written")
        }
        slot(index).write(Tag.present) { memory.storeWords(value, at: $0) }
        return found == nil ? .added : .replaced
    }

    /// Whether there was such a key.
    func remove(_ key: Key) -> Bool {
        let key = canonical(key)
        guard let index = place(of: key).found else { return false }
        slot(index).retag(Tag.removed)
        KillPoints.pass("arena key removed")
        // What lies before a slot that was never used leads nowhere: it need not be passed on the way to a key.
        var last = index
        while slot((last + 1) & (slotCount - 1)).tag == Tag.never, slot(last).tag == Tag.removed {
            slot(last).retag(Tag.never)
            last = (last - 1) & (slotCount - 1)
        }
        return true
    }
}
