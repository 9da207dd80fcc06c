// Arrays of strings, and of numbers, which are written as one block.
extension BinarySink {
    /// Writes `value` if it is a string or an array of strings or numbers, which need no container. False for everything else.
    ///
    /// The type is compared, not cast: a cast that fails costs as much as encoding a small struct.
    func encodeDirectly<Value: Encodable>(_ value: Value) throws -> Bool {
        let known = BinaryDirectTypes.known
        // SAFETY (of each cast): the type was just found to be that very one.
        switch ObjectIdentifier(Value.self) {
        case known.string: try write(unsafe unsafeBitCast(value, to: String.self))
        case known.strings: try writeStrings(unsafe unsafeBitCast(value, to: [String].self))
        case known.bytes: try pack(unsafe unsafeBitCast(value, to: [UInt8].self))
        case known.int: try pack(unsafe unsafeBitCast(value, to: [Int].self))
        case known.int8: try pack(unsafe unsafeBitCast(value, to: [Int8].self))
        case known.int16: try pack(unsafe unsafeBitCast(value, to: [Int16].self))
        case known.int32: try pack(unsafe unsafeBitCast(value, to: [Int32].self))
        case known.int64: try pack(unsafe unsafeBitCast(value, to: [Int64].self))
        case known.uint: try pack(unsafe unsafeBitCast(value, to: [UInt].self))
        case known.uint16: try pack(unsafe unsafeBitCast(value, to: [UInt16].self))
        case known.uint32: try pack(unsafe unsafeBitCast(value, to: [UInt32].self))
        case known.uint64: try pack(unsafe unsafeBitCast(value, to: [UInt64].self))
        case known.float:
            let elements = unsafe unsafeBitCast(value, to: [Float].self)
            try pack(elements, as: BinaryTag.float) { $0.bitPattern }
        case known.double:
            let elements = unsafe unsafeBitCast(value, to: [Double].self)
            try pack(elements, as: BinaryTag.double) { $0.bitPattern }
        default: return false
        }
        return true
    }

    private func writeStrings(_ strings: [String]) throws {
        let start = bytes.count
        openList()
        do {
            for string in strings { try write(string) }
            try closeList(from: start, count: strings.count, of: strings)
        } catch {
            bytes.truncate(to: start)
            throw error
        }
    }

    /// Writes integers in the narrowest width that holds all of them.
    private func pack<Element: FixedWidthInteger & BitwiseCopyable>(_ elements: [Element]) throws {
        var low: Element = 0
        var high: Element = 0
        if MemoryLayout<Element>.size > 1 {
            for element in elements {
                low = min(low, element)
                high = max(high, element)
            }
        } else if Element.isSigned {
            low = .min
        }
        if low >= 0 {
            switch high {
            case _ where UInt8(exactly: high) != nil:
                try pack(elements, as: BinaryTag.unsigned8) { UInt8(truncatingIfNeeded: $0) }
            case _ where UInt16(exactly: high) != nil:
                try pack(elements, as: BinaryTag.unsigned16) { UInt16(truncatingIfNeeded: $0) }
            case _ where UInt32(exactly: high) != nil:
                try pack(elements, as: BinaryTag.unsigned32) { UInt32(truncatingIfNeeded: $0) }
            default: try pack(elements, as: BinaryTag.unsigned64) { UInt64(truncatingIfNeeded: $0) }
            }
        } else if Int8(exactly: low) != nil, Int8(exactly: high) != nil {
            try pack(elements, as: BinaryTag.signed8) { Int8(truncatingIfNeeded: $0) }
        } else if Int16(exactly: low) != nil, Int16(exactly: high) != nil {
            try pack(elements, as: BinaryTag.signed16) { Int16(truncatingIfNeeded: $0) }
        } else if Int32(exactly: low) != nil, Int32(exactly: high) != nil {
            try pack(elements, as: BinaryTag.signed32) { Int32(truncatingIfNeeded: $0) }
        } else {
            try pack(elements, as: BinaryTag.signed64) { Int64(truncatingIfNeeded: $0) }
        }
    }

    @inline(__always)
    private func pack<Element, Wire: FixedWidthInteger & BitwiseCopyable>(
        _ elements: [Element], as tag: UInt8, _ convert: (Element) -> Wire
    ) throws {
        let (byteCount, overflow) = elements.count.multipliedReportingOverflow(by: MemoryLayout<Wire>.size)
        guard !overflow, let length = UInt32(exactly: byteCount) else {
            throw failure(elements.count, "an array takes more than 4 GiB")
        }
        bytes.append(length <= 0xFF ? BinaryTag.packed8 : BinaryTag.packed32)
        bytes.append(tag)
        if length <= 0xFF {
            bytes.append(UInt8(length))
        } else {
            bytes.append(littleEndian: length)
        }
        bytes.append(wire: elements, convert)
    }
}
