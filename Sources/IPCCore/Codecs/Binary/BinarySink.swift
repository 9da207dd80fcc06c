/// Where a value, or a container that was nested by hand, is written: its bytes and the value that is open in them.
///
/// A value inside a value is strictly nested, so one sink serves them all, one after the other. A container from
/// `nestedContainer` or `superEncoder` may be written in turns with its parent, so it gets a sink of its own, which is
/// spliced in when the parent's value is complete.
///
/// A sink is used by one encoding at a time; ``BinarySinkPool`` sees to it.
final class BinarySink {
    /// What the open value has become so far.
    enum Kind { case empty, single, list, keyed }

    /// The innermost open value.
    struct Frame {
        /// Never repeats within a sink: a container that is used out of turn is recognised by it. 0 is nobody's.
        var stamp: UInt32 = 0
        var start = 0
        var kind = Kind.empty
        var count = 0
        var spliceCount = 0
        var depth = 0
    }

    @safe @exclusivity(unchecked) var bytes: MessageBuffer
    @safe @exclusivity(unchecked) private(set) var frame = Frame()
    @safe @exclusivity(unchecked) private(set) var path: [BinaryKey] = []
    @safe @exclusivity(unchecked) private var lastStamp: UInt32 = 0
    @safe @exclusivity(unchecked) private var splices: [(offset: Int, sink: BinarySink)] = []
    /// Children that are done, for the next message.
    @safe @exclusivity(unchecked) private var spares: [BinarySink] = []
    let keys: BinaryKeyTable

    init(keys: BinaryKeyTable, capacity: Int) {
        self.keys = keys
        bytes = MessageBuffer(capacity: capacity)
    }

    /// Writes a whole message: version, value, names.
    func encodeMessage<Value: Encodable>(_ value: Value) throws {
        let start = bytes.count
        bytes.append(BinaryTag.version)
        try encodeValue(value, key: nil)
        if keys.count > 0 {
            bytes.append(variableLength: UInt32(clamping: keys.count))
            bytes.append(copying: keys.bytes)
        }
        try checkSize(bytes.count - start, of: value)
    }

    /// Readies the sink for another message; whoever still holds a container of the last one can do nothing with it.
    func reset() {
        frame = Frame()
        path.removeAll(keepingCapacity: true)
        splices.removeAll(keepingCapacity: true)
        keys.removeAll()
    }

    // MARK: Values

    /// Writes `value`. When it throws, nothing was written.
    func encodeValue<Value: Encodable>(_ value: Value, key: BinaryKey?) throws {
        if try encodeDirectly(value) { return }
        guard frame.depth < BinaryCodec.maximumDepth else {
            throw failure(value, "it is nested deeper than \(BinaryCodec.maximumDepth) levels", key: key)
        }
        let outer = frame
        if let key { path.append(key) }
        openFrame(depth: outer.depth + 1)
        let start = frame.start
        let spliceCount = frame.spliceCount
        defer {
            frame = outer
            if key != nil { path.removeLast() }
        }
        do {
            try value.encode(to: BinaryEncoder(sink: self, stamp: frame.stamp))
            try closeFrame(value)
        } catch {
            bytes.truncate(to: start)
            splices.removeSubrange(spliceCount...)
            throw error
        }
    }

    private func openFrame(depth: Int) {
        lastStamp &+= 1
        if lastStamp == 0 { lastStamp = 1 }
        frame = Frame(stamp: lastStamp, start: bytes.count, spliceCount: splices.count, depth: depth)
    }

    private func closeFrame<Value: Encodable>(_ value: Value) throws {
        if splices.count > frame.spliceCount { try mergeSplices(value) }
        switch frame.kind {
        case .single: break
        case .empty:
            // It encoded nothing, which is what a value without fields does.
            bytes.append(BinaryTag.keyed8)
            bytes.append(0)
        case .keyed:
            let length = bytes.count - frame.start - 2
            guard length > 0xFF else { return bytes.replace(UInt8(length), at: frame.start + 1) }
            try checkSize(length, of: value)
            bytes.open(3, at: frame.start + 2)
            bytes.replace(BinaryTag.keyed32, at: frame.start)
            bytes.replace(littleEndian: UInt32(length), at: frame.start + 1)
        case .list:
            try closeList(from: frame.start, count: frame.count, of: value)
        }
    }

    /// Begins a list with a short header.
    func openList() {
        bytes.append(BinaryTag.list8)
        bytes.append(0)
        bytes.append(0)
    }

    /// Fills in the header of the list that begins at `start`, and makes it a long one if need be.
    func closeList<Value>(from start: Int, count: Int, of value: Value) throws {
        let length = bytes.count - start - 3
        guard length > 0xFF else {
            bytes.replace(UInt8(length), at: start + 1)
            return bytes.replace(UInt8(count), at: start + 2)
        }
        try checkSize(length, of: value)
        bytes.open(6, at: start + 3)
        bytes.replace(BinaryTag.list32, at: start)
        bytes.replace(littleEndian: UInt32(length), at: start + 1)
        bytes.replace(littleEndian: UInt32(count), at: start + 5)
    }

    // MARK: Containers

    /// Makes the open value a value of named fields, unless it is something else: then its fields will be refused.
    func beginKeyed(_ stamp: UInt32) {
        guard stamp == frame.stamp, frame.kind == .empty, frame.depth <= BinaryCodec.maximumDepth else { return }
        frame.kind = .keyed
        bytes.append(BinaryTag.keyed8)
        bytes.append(0)
    }

    /// Makes the open value a list, unless it is something else: then its elements will be refused.
    func beginList(_ stamp: UInt32) {
        guard stamp == frame.stamp, frame.kind == .empty, frame.depth <= BinaryCodec.maximumDepth else { return }
        frame.kind = .list
        openList()
    }

    /// Makes the open value the one that is written next.
    func beginSingle(_ stamp: UInt32) throws {
        guard stamp == frame.stamp, frame.kind == .empty, frame.depth <= BinaryCodec.maximumDepth else {
            throw misuse()
        }
        frame.kind = .single
    }

    /// Counts an element of the open list, which is written next. Its index.
    @discardableResult
    func beginElement(_ stamp: UInt32) throws -> Int {
        guard stamp == frame.stamp, frame.kind == .list else { throw misuse() }
        frame.count += 1
        return frame.count - 1
    }

    /// Takes the element that was begun last back: it could not be written.
    func dropElement() { frame.count -= 1 }

    /// Takes everything from `start` on back: a field whose value could not be written.
    func dropField(from start: Int) { bytes.truncate(to: start) }

    /// Writes the name of a field of the open value, which is written next, and makes the better guess.
    func beginField(_ stamp: UInt32, _ name: String, isNumbered: Bool, guess: inout Int) throws {
        guard stamp == frame.stamp, frame.kind == .keyed else { throw misuse() }
        if isNumbered {
            let number = keys.number(of: name, guess: guess)
            guess = number + 1
            bytes.append(variableLength: UInt32(number) << 1)
        } else {
            var name = name
            try name.withUTF8 { utf8 in
                guard utf8.count < 1 << 30 else { throw failure(utf8.count, "a name is too long") }
                bytes.append(variableLength: UInt32(utf8.count) << 1 | 1)
                unsafe bytes.append(UnsafeRawBufferPointer(utf8))
            }
        }
    }

    /// How many elements the open list has.
    func elementCount(_ stamp: UInt32) -> Int { stamp == frame.stamp ? frame.count : 0 }

    /// A sink for a container that stands here, where the value of a field or an element is expected.
    func nest(key: BinaryKey) -> (sink: BinarySink, stamp: UInt32) {
        let child = spares.popLast() ?? BinarySink(keys: keys, capacity: 64)
        child.path = path
        child.path.append(key)
        child.openFrame(depth: frame.depth + 1)
        splices.append((bytes.count, child))
        return (child, child.frame.stamp)
    }

    /// A sink for a container that is asked for out of turn, where nothing can be thrown: every write to it throws.
    func nowhere(key: BinaryKey) -> (sink: BinarySink, stamp: UInt32) {
        let sink = BinarySink(keys: BinaryKeyTable(), capacity: 0)
        sink.path = path + [key]
        return (sink, .max)
    }

    /// Puts the finished children where they belong, from the last to the first: each byte moves once.
    private func mergeSplices<Value: Encodable>(_ value: Value) throws {
        let first = frame.spliceCount
        var extra = 0
        for index in first..<splices.count {
            let child = splices[index].sink
            try child.closeFrame(value)
            child.frame.stamp = 0
            extra += child.bytes.count
        }
        var end = bytes.count
        bytes.open(extra, at: end)
        for index in stride(from: splices.count - 1, through: first, by: -1) {
            let offset = splices[index].offset
            bytes.move(offset..<end, to: offset + extra)
            extra -= splices[index].sink.bytes.count
            bytes.replace(splices[index].sink.bytes, at: offset + extra)
            end = offset
        }
        while splices.count > first {
            var child = splices.removeLast().sink
            if spares.count < 16, child.bytes.capacity <= 4096, isKnownUniquelyReferenced(&child) {
                child.bytes.removeAll()
                child.frame = Frame()
                spares.append(child)
            }
        }
    }

    // MARK: Errors

    func failure(_ value: Any, _ reason: String, key: BinaryKey? = nil) -> EncodingError {
        .invalidValue(value, .init(codingPath: key.map { path + [$0] } ?? path, debugDescription: reason))
    }

    func misuse() -> EncodingError {
        if frame.depth > BinaryCodec.maximumDepth {
            return failure((), "it is nested deeper than \(BinaryCodec.maximumDepth) levels")
        }
        return failure(
            (),
            "a container is used out of turn: after its value was complete, beside a container of another kind, "
                + "or for a second value")
    }

    private func checkSize<Value>(_ length: Int, of value: Value) throws {
        guard UInt32(exactly: length) != nil else { throw failure(value, "it takes more than 4 GiB") }
    }
}
