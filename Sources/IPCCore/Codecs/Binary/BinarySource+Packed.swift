// Strings, arrays of strings, and arrays of numbers, which are read as one block.
extension BinarySource {
    /// Whether the value is a packed array, a string, or a list of strings, of a type that is read as a whole. Such an array that was sent
    /// as a list is not.
    ///
    /// It is asked before and apart: an optional of a generic type costs a search in the runtime.
    @inline(__always)
    func isDirect<Value: Decodable>(_ type: Value.Type, _ slot: BinarySlot) -> Bool {
        guard slot.packedTag == 0 else { return false }
        let id = ObjectIdentifier(type)
        if id == BinaryDirectTypes.known.string { return true }
        let tag = peek(slot.start)
        if tag == BinaryTag.packed8 || tag == BinaryTag.packed32 { return BinaryDirectTypes.known.isNumbers(id) }
        return (tag == BinaryTag.list8 || tag == BinaryTag.list32) && id == BinaryDirectTypes.known.strings
    }

    /// Reads a value for which ``isDirect(_:_:)`` is true.
    func direct<Value: Decodable>(_ type: Value.Type, _ slot: BinarySlot) throws -> Value {
        let known = BinaryDirectTypes.known
        switch ObjectIdentifier(type) {
        case known.string: return cast(try string(slot), type)
        case known.strings: return cast(try strings(slot), type)
        case known.bytes: return cast(try integers(slot) as [UInt8], type)
        case known.int: return cast(try integers(slot) as [Int], type)
        case known.int8: return cast(try integers(slot) as [Int8], type)
        case known.int16: return cast(try integers(slot) as [Int16], type)
        case known.int32: return cast(try integers(slot) as [Int32], type)
        case known.int64: return cast(try integers(slot) as [Int64], type)
        case known.uint: return cast(try integers(slot) as [UInt], type)
        case known.uint16: return cast(try integers(slot) as [UInt16], type)
        case known.uint32: return cast(try integers(slot) as [UInt32], type)
        case known.uint64: return cast(try integers(slot) as [UInt64], type)
        case known.float: return cast(try floats(slot), type)
        case known.double: return cast(try doubles(slot), type)
        default: throw mismatch(type, slot)
        }
    }

    private func strings(_ slot: BinarySlot) throws -> [String] {
        let elements = try elements(slot)
        var strings: [String] = []
        // The count was compared with the bytes of the list.
        strings.reserveCapacity(elements.count)
        var position = elements.start
        for _ in 0..<elements.count {
            let element = try element(elements, at: position)
            strings.append(try string(element.slot))
            position = element.end
        }
        return strings
    }

    private func floats(_ slot: BinarySlot) throws -> [Float] {
        let elements = try elements(slot)
        guard elements.packedTag == BinaryTag.float else { throw mismatch([Float].self, slot) }
        return try unpack(elements, UInt32.self) { Float(bitPattern: $0) }
    }

    private func doubles(_ slot: BinarySlot) throws -> [Double] {
        let elements = try elements(slot)
        switch elements.packedTag {
        case BinaryTag.double: return try unpack(elements, UInt64.self) { Double(bitPattern: $0) }
        case BinaryTag.float: return try unpack(elements, UInt32.self) { Double(Float(bitPattern: $0)) }
        default: throw mismatch([Double].self, slot)
        }
    }

    /// The same value under the name that the caller has for its type.
    @inline(__always)
    private func cast<Found, Value>(_ value: Found, _ type: Value.Type) -> Value {
        precondition(Found.self == Value.self)
        // SAFETY: the types are one, as just checked.
        return unsafe unsafeBitCast(value, to: type)
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
            // The initializer below writes to the empty array that all threads share.
            guard count > 0 else { return [] }
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
