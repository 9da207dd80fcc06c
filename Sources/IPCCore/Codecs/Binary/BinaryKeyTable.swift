/// The names of fields in one message, each once, numbered in the order in which they came up. All sinks of a message
/// share it.
final class BinaryKeyTable {
    private struct Entry {
        let offset: Int
        let length: Int
        let hash: UInt32
        let name: String
    }

    /// The table as it will stand in the message: for each name its length and its bytes.
    @safe @exclusivity(unchecked) private(set) var bytes = MessageBuffer()
    @safe @exclusivity(unchecked) private var entries: [Entry] = []
    /// Open addressing: a name's number plus one, 0 where free. The size is a power of two, at most half full.
    @safe @exclusivity(unchecked) private var slots = [Int32](repeating: 0, count: 64)
    /// Which number the first name of a key type got: with an array of structs, each struct starts there.
    @safe @exclusivity(unchecked) private var firstNumbers: [(type: ObjectIdentifier, number: Int)] = []

    var count: Int { entries.count }

    func removeAll() {
        guard !entries.isEmpty else { return }
        bytes.removeAll()
        if entries.count > 256 {
            entries = []
            slots = [Int32](repeating: 0, count: 64)
        } else {
            entries.removeAll(keepingCapacity: true)
            for index in slots.indices { slots[index] = 0 }
        }
        firstNumbers.removeAll(keepingCapacity: true)
    }

    /// The number that the first field of a container with these keys will have, as far as one can guess.
    func firstGuess(for type: ObjectIdentifier) -> Int {
        for entry in firstNumbers where entry.type == type { return entry.number }
        // A message of very many types is not worth a longer search: a wrong guess costs a hash.
        if firstNumbers.count < 16 { firstNumbers.append((type, entries.count)) }
        return entries.count
    }

    /// The number of `name`, a new one if it has none. `guess` is looked at first.
    func number(of name: String, guess: Int) -> Int {
        if guess < entries.count, entries[guess].name == name { return guess }
        var contiguous = name
        return contiguous.withUTF8 { unsafe find($0, name) }
    }

    @unsafe
    private func find(_ utf8: UnsafeBufferPointer<UInt8>, _ name: String) -> Int {
        var hash: UInt32 = 2_166_136_261
        for index in 0..<utf8.count { hash = unsafe (hash ^ UInt32(utf8[index])) &* 16_777_619 }
        var slot = Int(hash) & (slots.count - 1)
        // Ends: at least half of the slots are free.
        while slots[slot] != 0 {
            let number = Int(slots[slot]) - 1
            let entry = entries[number]
            if entry.hash == hash, entry.length == utf8.count, unsafe bytes.equals(utf8, at: entry.offset) {
                return number
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        let number = entries.count
        bytes.append(variableLength: UInt32(clamping: utf8.count))
        entries.append(Entry(offset: bytes.count, length: utf8.count, hash: hash, name: name))
        unsafe bytes.append(UnsafeRawBufferPointer(utf8))
        slots[slot] = Int32(number + 1)
        if entries.count * 2 > slots.count { spread() }
        return number
    }

    private func spread() {
        slots = [Int32](repeating: 0, count: slots.count * 4)
        for (number, entry) in entries.enumerated() {
            var slot = Int(entry.hash) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = Int32(number + 1)
        }
    }
}

extension MessageBuffer {
    /// Appends a number in groups of seven bits, the lowest first; all but the last have the top bit set.
    mutating func append(variableLength value: UInt32) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }
}
