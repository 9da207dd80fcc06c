// How single values are read: any form that holds the value exactly is taken.
extension BinarySource {
    @inline(__always)
    func isNil(_ slot: BinarySlot) -> Bool {
        slot.packedTag == 0 && peek(slot.start) == BinaryTag.null
    }

    func bool(_ slot: BinarySlot) throws -> Bool {
        switch try tag(slot) {
        case BinaryTag.yes: return true
        case BinaryTag.no: return false
        default: throw mismatch(Bool.self, slot)
        }
    }

    func double(_ slot: BinarySlot) throws -> Double {
        switch try tag(slot) {
        case BinaryTag.double: return Double(bitPattern: try number(UInt64.self, slot))
        case BinaryTag.float: return Double(Float(bitPattern: try number(UInt32.self, slot)))
        default: throw mismatch(Double.self, slot)
        }
    }

    func float(_ slot: BinarySlot) throws -> Float {
        guard try tag(slot) == BinaryTag.float else { throw mismatch(Float.self, slot) }
        return Float(bitPattern: try number(UInt32.self, slot))
    }

    @inline(__always)
    func integer<Value: FixedWidthInteger>(_ slot: BinarySlot) throws -> Value {
        let tag = try tag(slot)
        if slot.packedTag == 0 {
            // The integers that are their own tag.
            if tag < 0x80 { return Value(truncatingIfNeeded: tag) }
            if tag >= BinaryTag.firstNegative, Value.isSigned {
                return Value(truncatingIfNeeded: Int8(bitPattern: tag))
            }
        }
        return try longInteger(tag, slot)
    }

    private func longInteger<Value: FixedWidthInteger>(_ tag: UInt8, _ slot: BinarySlot) throws -> Value {
        let value: Value? =
            switch tag {
            case BinaryTag.unsigned8: Value(exactly: try number(UInt8.self, slot))
            case BinaryTag.unsigned16: Value(exactly: try number(UInt16.self, slot))
            case BinaryTag.unsigned32: Value(exactly: try number(UInt32.self, slot))
            case BinaryTag.unsigned64: Value(exactly: try number(UInt64.self, slot))
            case BinaryTag.unsigned128: Value(exactly: try number(UInt128.self, slot))
            case BinaryTag.signed8: Value(exactly: try number(Int8.self, slot))
            case BinaryTag.signed16: Value(exactly: try number(Int16.self, slot))
            case BinaryTag.signed32: Value(exactly: try number(Int32.self, slot))
            case BinaryTag.signed64: Value(exactly: try number(Int64.self, slot))
            case BinaryTag.signed128: Value(exactly: try number(Int128.self, slot))
            case BinaryTag.firstNegative...0xFF: nil
            default: throw mismatch(Value.self, slot)
            }
        guard let value else {
            throw corrupted("expected \(Value.self), found an integer that does not fit", at: slot.start)
        }
        return value
    }

    func string(_ slot: BinarySlot) throws -> String {
        let tag = try tag(slot)
        let start: Int
        switch tag {
        case BinaryTag.shortString..<BinaryTag.null where slot.packedTag == 0: start = slot.start + 1
        case BinaryTag.string8: start = slot.start + 2
        case BinaryTag.string32: start = slot.start + 5
        default: throw mismatch(String.self, slot)
        }
        let end = try end(ofValueAt: slot.start, limit: slot.limit)
        return try unsafe withBytes(at: start, count: end - start, limit: end) { utf8 in
            guard let text = unsafe String(validating: utf8, as: UTF8.self) else {
                throw corrupted("expected a string, found bytes that are not UTF-8", at: slot.start)
            }
            return text
        }
    }

    /// The tag that says what the value is.
    @inline(__always)
    private func tag(_ slot: BinarySlot) throws -> UInt8 {
        slot.packedTag == 0 ? try load(UInt8.self, at: slot.start, limit: slot.limit) : slot.packedTag
    }

    /// The bytes of a number: behind its tag, or alone in a packed array.
    @inline(__always)
    private func number<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, _ slot: BinarySlot
    ) throws -> Value {
        try load(type, at: slot.packedTag == 0 ? slot.start + 1 : slot.start, limit: slot.limit)
    }
}
