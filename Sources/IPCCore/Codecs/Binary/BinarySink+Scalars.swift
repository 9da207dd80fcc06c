// How single values are written: the shortest form that holds them.
extension BinarySink {
    func writeNil() { bytes.append(BinaryTag.null) }

    func write(_ value: Bool) { bytes.append(value ? BinaryTag.yes : BinaryTag.no) }

    func write(_ value: Double) {
        bytes.append(BinaryTag.double)
        bytes.append(littleEndian: value.bitPattern)
    }

    func write(_ value: Float) {
        bytes.append(BinaryTag.float)
        bytes.append(littleEndian: value.bitPattern)
    }

    @inline(__always)
    func write<Value: SignedInteger & FixedWidthInteger>(_ value: Value) {
        if value >= -32 && value <= 127 {
            // The small integers of both signs are their own tag.
            bytes.append(UInt8(truncatingIfNeeded: value))
        } else if value > 0 {
            writeUnsigned(UInt64(truncatingIfNeeded: value), above: value > Value(clamping: UInt64.max), value)
        } else {
            writeNegative(value)
        }
    }

    @inline(__always)
    func write<Value: UnsignedInteger & FixedWidthInteger>(_ value: Value) {
        if value <= 127 {
            bytes.append(UInt8(truncatingIfNeeded: value))
        } else {
            writeUnsigned(UInt64(truncatingIfNeeded: value), above: value > Value(clamping: UInt64.max), value)
        }
    }

    private func writeUnsigned<Value: FixedWidthInteger>(_ value: UInt64, above isWide: Bool, _ whole: Value) {
        if isWide {
            bytes.append(BinaryTag.unsigned128)
            bytes.append(littleEndian: UInt128(truncatingIfNeeded: whole))
        } else if value <= UInt8.max {
            bytes.append(BinaryTag.unsigned8)
            bytes.append(UInt8(truncatingIfNeeded: value))
        } else if value <= UInt16.max {
            bytes.append(BinaryTag.unsigned16)
            bytes.append(littleEndian: UInt16(truncatingIfNeeded: value))
        } else if value <= UInt32.max {
            bytes.append(BinaryTag.unsigned32)
            bytes.append(littleEndian: UInt32(truncatingIfNeeded: value))
        } else {
            bytes.append(BinaryTag.unsigned64)
            bytes.append(littleEndian: value)
        }
    }

    private func writeNegative<Value: SignedInteger & FixedWidthInteger>(_ value: Value) {
        if Int8(exactly: value) != nil {
            bytes.append(BinaryTag.signed8)
            bytes.append(UInt8(truncatingIfNeeded: value))
        } else if Int16(exactly: value) != nil {
            bytes.append(BinaryTag.signed16)
            bytes.append(littleEndian: Int16(truncatingIfNeeded: value))
        } else if Int32(exactly: value) != nil {
            bytes.append(BinaryTag.signed32)
            bytes.append(littleEndian: Int32(truncatingIfNeeded: value))
        } else if Int64(exactly: value) != nil {
            bytes.append(BinaryTag.signed64)
            bytes.append(littleEndian: Int64(truncatingIfNeeded: value))
        } else {
            bytes.append(BinaryTag.signed128)
            bytes.append(littleEndian: Int128(truncatingIfNeeded: value))
        }
    }

    func write(_ value: String) throws {
        var value = value
        try value.withUTF8 { utf8 in
            if utf8.count <= BinaryTag.longestShortString {
                bytes.append(BinaryTag.shortString | UInt8(truncatingIfNeeded: utf8.count))
            } else if utf8.count <= 0xFF {
                bytes.append(BinaryTag.string8)
                bytes.append(UInt8(truncatingIfNeeded: utf8.count))
            } else {
                guard let length = UInt32(exactly: utf8.count) else {
                    throw failure(utf8.count, "a string takes more than 4 GiB")
                }
                bytes.append(BinaryTag.string32)
                bytes.append(littleEndian: length)
            }
            unsafe bytes.append(UnsafeRawBufferPointer(utf8))
        }
    }
}
