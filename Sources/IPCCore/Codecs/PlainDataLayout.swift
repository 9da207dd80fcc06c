/// Where a ``PlainData`` type has padding.
///
/// A Swift struct lays its stored properties out in order, each at the next multiple of its alignment. So the layout
/// follows from the types of the properties, which a mirror of any value tells; the all-zero value is one.
package enum PlainDataLayout {
    /// The byte ranges of a value that belong to no field; empty when there are none or when they cannot be told.
    package static func padding<Value: PlainData>(of type: Value.Type) -> [Range<Int>] {
        var used = [Bool](repeating: false, count: MemoryLayout<Value>.size)
        mark(type, at: 0, in: &used)
        var ranges: [Range<Int>] = []
        var start: Int?
        for (offset, isUsed) in used.enumerated() {
            if isUsed {
                if let first = start { ranges.append(first..<offset) }
                start = nil
            } else if start == nil {
                start = offset
            }
        }
        if let start { ranges.append(start..<used.count) }
        return ranges
    }

    /// The type in words: name, size, alignment, stride, and its fields where they can be told.
    static func describe<Value: PlainData>(_ type: Value.Type) -> String {
        let size = "\(MemoryLayout<Value>.size)/\(MemoryLayout<Value>.alignment)/\(MemoryLayout<Value>.stride)"
        let fields = type is any SIMD.Type ? nil : fields(of: type)
        let inner = (fields ?? []).map { "\($0.offset):\(describeAny($0.type))" }.joined(separator: ",")
        return "\(type):\(size){\(inner)}"
    }

    private static func describeAny(_ type: any PlainData.Type) -> String { describe(type) }

    /// Marks the bytes of a `type` at `offset` that belong to its value.
    fileprivate static func mark<Value: PlainData>(_ type: Value.Type, at offset: Int, in used: inout [Bool]) {
        if let lanes = type as? any SIMD.Type {
            // A vector of three lanes lies in the room of four.
            fill(used: &used, from: offset, count: laneBytes(lanes))
        } else if let repeated = type as? any RepeatedPlainData.Type {
            repeated.markElements(at: offset, in: &used)
        } else if let fields = fields(of: type) {
            for field in fields { markAny(field.type, at: offset + field.offset, in: &used) }
        } else {
            fill(used: &used, from: offset, count: MemoryLayout<Value>.size)
        }
    }

    /// The stored properties with their offsets; nil when the type has none or is not laid out as Swift does it.
    private static func fields<Value: PlainData>(of type: Value.Type) -> [(offset: Int, type: any PlainData.Type)]? {
        // SAFETY: every bit pattern of plain data is a value, all zeroes too.
        let zero = unsafe withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { memory in
            unsafe UnsafeMutableRawBufferPointer(memory).initializeMemory(as: UInt8.self, repeating: 0)
            return unsafe memory[0]
        }
        // C puts bit-fields into gaps, and a mirror of the type's own says what it likes.
        guard !String(reflecting: type).hasPrefix("__C."), !(zero is any CustomReflectable) else {
            return nil
        }
        var fields: [(offset: Int, type: any PlainData.Type)] = []
        var end = 0
        for child in Mirror(reflecting: zero).children {
            guard let value = child.value as? any PlainData else { return nil }
            let (size, alignment) = measure(value)
            let offset = (end + alignment - 1) / alignment * alignment
            fields.append((offset, Swift.type(of: value)))
            end = offset + size
        }
        return fields.isEmpty || end != MemoryLayout<Value>.size ? nil : fields
    }

    private static func measure<Value: PlainData>(_ value: Value) -> (size: Int, alignment: Int) {
        (MemoryLayout<Value>.size, MemoryLayout<Value>.alignment)
    }

    private static func markAny(_ type: any PlainData.Type, at offset: Int, in used: inout [Bool]) {
        mark(type, at: offset, in: &used)
    }

    private static func laneBytes<Vector: SIMD>(_ type: Vector.Type) -> Int {
        Vector.scalarCount * MemoryLayout<Vector.Scalar>.size
    }

    fileprivate static func fill(used: inout [Bool], from offset: Int, count: Int) {
        for index in offset..<min(offset + count, used.count) { used[index] = true }
    }
}

/// Plain data that is a number of elements of one type, which no mirror shows.
private protocol RepeatedPlainData {
    static func markElements(at offset: Int, in used: inout [Bool])
}

extension InlineArray: RepeatedPlainData where Element: PlainData {
    static func markElements(at offset: Int, in used: inout [Bool]) {
        for index in 0..<Self.count {
            PlainDataLayout.mark(Element.self, at: offset + index * MemoryLayout<Element>.stride, in: &used)
        }
    }
}

extension MessageBuffer {
    /// Appends the bytes of `value` and zeroes the padding between them.
    mutating func append<Value: PlainData>(plainData value: Value, padding: [Range<Int>]) {
        let start = count
        unsafe withUnsafeBytes(of: value) { unsafe append($0) }
        for range in padding { zero(start + range.lowerBound..<start + range.upperBound) }
    }
}
