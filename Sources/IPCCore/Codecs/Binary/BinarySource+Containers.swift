/// A value of named fields.
struct BinaryFields {
    /// Where the value starts, with its tag.
    let valueStart: Int
    let start: Int
    let end: Int
    let depth: Int
    let cursor: Int
    let stamp: UInt32
}

/// A list of values or a packed array.
struct BinaryElements {
    /// Where the value starts, with its tag.
    let valueStart: Int
    let start: Int
    let end: Int
    let count: Int
    /// The tag of all elements of a packed array; 0 when each has its own.
    let packedTag: UInt8
    let depth: Int
}

// Containers: their headers, and where each field and element lies.
extension BinarySource {
    func value<Value: Decodable>(_ type: Value.Type, _ slot: BinarySlot) throws -> Value {
        if isDirect(type, slot) { return try direct(type, slot) }
        let openCursors = cursors.count
        defer { if cursors.count > openCursors { cursors.removeSubrange(openCursors...) } }
        return try Value(from: BinaryDecoder(source: self, slot: inner(slot)))
    }

    /// The same value one level down.
    @inline(__always)
    func inner(_ slot: BinarySlot) throws -> BinarySlot {
        guard slot.depth < BinaryCodec.maximumDepth else { throw tooDeep(slot) }
        return BinarySlot(
            start: slot.start, limit: slot.limit, packedTag: slot.packedTag, depth: Int(slot.depth) + 1)
    }

    // MARK: Fields

    func fields(_ slot: BinarySlot) throws -> BinaryFields {
        let tag = slot.packedTag == 0 ? try load(UInt8.self, at: slot.start, limit: slot.limit) : slot.packedTag
        guard tag == BinaryTag.keyed8 || tag == BinaryTag.keyed32 else {
            throw mismatch([String: Any].self, slot)
        }
        let end = try end(ofValueAt: slot.start, limit: slot.limit)
        let start = slot.start + (tag == BinaryTag.keyed8 ? 2 : 5)
        lastStamp &+= 1
        cursors.append(Cursor(stamp: lastStamp, offset: UInt32(truncatingIfNeeded: start)))
        return BinaryFields(
            valueStart: slot.start, start: start, end: end, depth: Int(slot.depth), cursor: cursors.count - 1,
            stamp: lastStamp)
    }

    /// The field at `position`: where its name and its value lie.
    @inline(__always)
    func nextField(_ fields: BinaryFields, at position: Int) throws -> (name: Name, slot: BinarySlot, end: Int) {
        var position = position
        let reference = try variableLength(at: &position, limit: fields.end)
        let name: Name
        if reference & 1 == 0 {
            guard reference >> 1 < names.count else {
                throw corrupted("name \(reference >> 1) is used and there are \(names.count)", at: position)
            }
            name = names[reference >> 1]
        } else {
            guard reference >> 1 <= fields.end - position else {
                throw corrupted(
                    "a name of \(reference >> 1) bytes is announced where \(fields.end - position) are left",
                    at: position)
            }
            name = Name(start: position, count: reference >> 1)
            position += name.count
        }
        let end = try end(ofValueAt: position, limit: fields.end)
        return (name, BinarySlot(start: position, limit: end, depth: fields.depth), end)
    }

    /// The value of the field `name`; nil when there is none.
    ///
    /// The search starts behind the field that was found last, where the next one is when the fields are asked for in
    /// the order in which they were written.
    func find(_ name: String, _ fields: BinaryFields) throws -> BinarySlot? {
        var name = name
        return try name.withUTF8 { utf8 in
            let remembered = cursor(fields)
            var position = remembered
            while position < fields.end {
                let field = try nextField(fields, at: position)
                if unsafe matches(field.name, utf8) {
                    remember(field.end, fields)
                    return field.slot
                }
                position = field.end
            }
            position = fields.start
            while position < remembered {
                let field = try nextField(fields, at: position)
                if unsafe matches(field.name, utf8) {
                    remember(field.end, fields)
                    return field.slot
                }
                position = field.end
            }
            return nil
        }
    }

    func field(_ name: String, _ fields: BinaryFields, missing key: some CodingKey) throws -> BinarySlot {
        guard let slot = try find(name, fields) else { throw missing(key, fields) }
        return slot
    }

    func contains(_ name: String, _ fields: BinaryFields) -> Bool {
        do {
            return try peekField(name, fields)
        } catch {
            latentError = latentError ?? error as? DecodingError
            return false
        }
    }

    /// Looks without moving the cursor: what was looked for is read next.
    private func peekField(_ name: String, _ fields: BinaryFields) throws -> Bool {
        let remembered = cursor(fields)
        defer { remember(remembered, fields) }
        return try find(name, fields) != nil
    }

    /// The names of the fields that are a `Key`, in the order of the message.
    func keys<Key: CodingKey>(_ fields: BinaryFields) -> [Key] {
        var result: [Key] = []
        var position = fields.start
        do {
            while position < fields.end {
                let field = try nextField(fields, at: position)
                if let key = Key(stringValue: text(of: field.name)) { result.append(key) }
                position = field.end
            }
        } catch {
            latentError = latentError ?? error as? DecodingError
        }
        return result
    }

    /// The name as text. Bytes that are not UTF-8 are repaired, and the field is not found under that name.
    func text(of name: Name) -> String {
        let text = try? unsafe withBytes(at: name.start, count: name.count, limit: name.start + name.count) {
            unsafe String(decoding: $0, as: UTF8.self)
        }
        return text ?? ""
    }

    @unsafe @inline(__always)
    private func matches(_ name: Name, _ utf8: UnsafeBufferPointer<UInt8>) -> Bool {
        guard name.count == utf8.count else { return false }
        let isEqual = try? unsafe withBytes(at: name.start, count: name.count, limit: name.start + name.count) {
            bytes in
            for index in 0..<utf8.count where unsafe bytes[index] != utf8[index] { return false }
            return true
        }
        return isEqual ?? false
    }

    /// A container that was kept while others came and went has lost its cursor and searches from its start.
    @inline(__always)
    private func cursor(_ fields: BinaryFields) -> Int {
        guard fields.cursor < cursors.count, cursors[fields.cursor].stamp == fields.stamp else { return fields.start }
        return Int(cursors[fields.cursor].offset)
    }

    @inline(__always)
    private func remember(_ offset: Int, _ fields: BinaryFields) {
        guard fields.cursor < cursors.count, cursors[fields.cursor].stamp == fields.stamp else { return }
        cursors[fields.cursor].offset = UInt32(truncatingIfNeeded: offset)
    }

    // MARK: Elements

    func elements(_ slot: BinarySlot) throws -> BinaryElements {
        guard slot.packedTag == 0 else { throw mismatch([Any].self, slot) }
        let tag = try load(UInt8.self, at: slot.start, limit: slot.limit)
        let isShort = tag == BinaryTag.list8 || tag == BinaryTag.packed8
        guard isShort || tag == BinaryTag.list32 || tag == BinaryTag.packed32 else {
            throw mismatch([Any].self, slot)
        }
        let end = try end(ofValueAt: slot.start, limit: slot.limit)
        if tag == BinaryTag.packed8 || tag == BinaryTag.packed32 {
            let start = slot.start + (isShort ? 3 : 6)
            let packedTag = try load(UInt8.self, at: slot.start + 1, limit: end)
            guard let width = BinaryTag.width(ofNumber: packedTag), (end - start) % width == 0 else {
                throw corrupted(
                    "expected an array of numbers, found \(end - start) bytes of kind \(packedTag)", at: start)
            }
            return BinaryElements(
                valueStart: slot.start, start: start, end: end, count: (end - start) / width, packedTag: packedTag,
                depth: Int(slot.depth))
        }
        let start = slot.start + (isShort ? 3 : 9)
        let count =
            isShort
            ? Int(try load(UInt8.self, at: slot.start + 2, limit: end))
            : Int(try load(UInt32.self, at: slot.start + 5, limit: end))
        // Each element takes a byte at least, so nobody who reserves room for the count is led astray.
        guard count <= end - start else {
            throw corrupted("\(count) elements are announced in \(end - start) bytes", at: slot.start)
        }
        return BinaryElements(
            valueStart: slot.start, start: start, end: end, count: count, packedTag: 0, depth: Int(slot.depth))
    }

    @inline(__always)
    func element(_ elements: BinaryElements, at position: Int) throws -> (slot: BinarySlot, end: Int) {
        let end: Int
        if let width = BinaryTag.width(ofNumber: elements.packedTag) {
            end = position + width
        } else {
            end = try self.end(ofValueAt: position, limit: elements.end)
        }
        return (BinarySlot(start: position, limit: end, packedTag: elements.packedTag, depth: elements.depth), end)
    }
}
