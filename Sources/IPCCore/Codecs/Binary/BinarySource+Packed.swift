// Arrays of numbers, which are read as one block.
extension BinarySource {
    /// Reads a string or a packed array of numbers; nil for other types, and for such an array that was sent as a list.
    func decodeDirectly<Value: Decodable>(_ type: Value.Type, _ slot: BinarySlot) throws -> Value? {
        let id = ObjectIdentifier(type)
        if id == BinaryDirectTypes.string { return cast(try string(slot)) }
        let tag = peek(slot.start)
        guard tag == BinaryTag.packed8 || tag == BinaryTag.packed32 else { return nil }
        switch id {
        case BinaryDirectTypes.bytes: return cast(try integers(slot) as [UInt8])
        case BinaryDirectTypes.int: return cast(try integers(slot) as [Int])
        case BinaryDirectTypes.int8: return cast(try integers(slot) as [Int8])
        case BinaryDirectTypes.int16: return cast(try integers(slot) as [Int16])
        case BinaryDirectTypes.int32: return cast(try integers(slot) as [Int32])
        case BinaryDirectTypes.int64: return cast(try integers(slot) as [Int64])
        case BinaryDirectTypes.uint: return cast(try integers(slot) as [UInt])
        case BinaryDirectTypes.uint16: return cast(try integers(slot) as [UInt16])
        case BinaryDirectTypes.uint32: return cast(try integers(slot) as [UInt32])
        case BinaryDirectTypes.uint64: return cast(try integers(slot) as [UInt64])
        case BinaryDirectTypes.float:
            let elements = try elements(slot)
            guard elements.packedTag == BinaryTag.float else { throw mismatch(type, slot) }
            return cast(try unpack(elements, UInt32.self) { Float(bitPattern: $0) })
        case BinaryDirectTypes.double:
            let elements = try elements(slot)
            switch elements.packedTag {
            case BinaryTag.double: return cast(try unpack(elements, UInt64.self) { Double(bitPattern: $0) })
            case BinaryTag.float: return cast(try unpack(elements, UInt32.self) { Double(Float(bitPattern: $0)) })
            default: throw mismatch(type, slot)
            }
        default: return nil
        }
    }

    /// The same value under the name that the caller has for its type.
    @inline(__always)
    private func cast<Found, Value>(_ value: Found) -> Value {
        precondition(Found.self == Value.self)
        // SAFETY: the types are one, as just checked.
        return unsafe unsafeBitCast(value, to: Value.self)
    }

    private func integers<Element: FixedWidthInteger>(_ slot: BinarySlot) throws -> [Element] {
        let elements = try elements(slot)
        switch elements.packedTag {
        case BinaryTag.unsigned8: return try unpack(elements, UInt8.self) { Element(exactly: $0) }
        case BinaryTag.unsigned16: return try unpack(elements, UInt16.self) { Element(exactly: $0) }
        case BinaryTag.unsigned32: return try unpack(elements, UInt32.self) { Element(exactly: $0) }
        case BinaryTag.unsigned64: return try unpack(elements, UInt64.self) { Element(exactly: $0) }
        case BinaryTag.unsigned128: return try unpack(elements, UInt128.self) { Element(exactly: $0) }
        case BinaryTag.signed8: return try unpack(elements, Int8.self) { Element(exactly: $0) }
        case BinaryTag.signed16: return try unpack(elements, Int16.self) { Element(exactly: $0) }
        case BinaryTag.signed32: return try unpack(elements, Int32.self) { Element(exactly: $0) }
        case BinaryTag.signed64: return try unpack(elements, Int64.self) { Element(exactly: $0) }
        case BinaryTag.signed128: return try unpack(elements, Int128.self) { Element(exactly: $0) }
        default: throw mismatch([Element].self, slot)
        }
    }

    /// The elements, of which there are as many as the bytes hold: that was checked with the header.
    @inline(__always)
    private func unpack<Wire: FixedWidthInteger & BitwiseCopyable, Element>(
        _ elements: BinaryElements, _ wire: Wire.Type, _ convert: (Wire) -> Element?
    ) throws -> [Element] {
        try unsafe withBytes(
            at: elements.start, count: elements.end - elements.start, limit: elements.end
        ) { bytes in
            let raw = UnsafeRawBufferPointer(bytes)
            let count = raw.count / MemoryLayout<Wire>.size
            return try unsafe [Element](unsafeUninitializedCapacity: count) { buffer, initializedCount in
                for index in 0..<count {
                    let word = unsafe raw.loadUnaligned(fromByteOffset: index * MemoryLayout<Wire>.size, as: wire)
                    guard let element = convert(Wire(littleEndian: word)) else {
                        throw corrupted(
                            "expected \(Element.self), found an integer that does not fit at index \(index)",
                            at: elements.valueStart)
                    }
                    unsafe (buffer.baseAddress! + index).initialize(to: element)
                    initializedCount = index + 1
                }
            }
        }
    }
}
