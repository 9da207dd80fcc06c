extension CallWire {
    /// Calls `body` with each frame of a message, in order. Nothing is allocated, and nothing is read before its length
    /// has been checked against what is there.
    ///
    /// - Throws: `.protocolViolation` for bytes that are no frames, or what `body` throws.
    package static func forEachFrame(
        of message: RawSpan, _ body: (CallHeader, RawSpan) throws(IPCError) -> Void
    ) throws(IPCError) {
        try forEachRange(of: message) { (header, range) throws(IPCError) in
            try body(header, message.extracting(range))
        }
    }

    /// The same with the place of each frame's body in the message, for who keeps the message.
    @inline(__always)
    package static func forEachRange(
        of message: RawSpan, _ body: (CallHeader, Range<Int>) throws(IPCError) -> Void
    ) throws(IPCError) {
        var offset = 0
        let end = message.byteCount
        while offset < end {
            guard end - offset >= headerSize else { throw violation("\(end - offset) bytes where a header belongs") }
            let length = Int(message.load(UInt32.self, at: offset))
            let kindWord = message.load(UInt32.self, at: offset + 4)
            guard length >= headerSize - 4, length <= end - offset - 4 else {
                throw violation("a frame of \(length) bytes in a message that has \(end - offset - 4) left")
            }
            let depth = Int(kindWord >> 8)
            guard let kind = CallKind(rawValue: UInt8(truncatingIfNeeded: kindWord)), depth == 0 || kind == .request
            else { throw violation("an unknown kind of frame (\(kindWord))") }
            let header = CallHeader(kind: kind, id: message.load(UInt64.self, at: offset + 8), depth: depth)
            let next = offset + 4 + length
            try body(header, offset + headerSize..<next)
            offset = next
        }
    }

    package static func readHello(_ body: RawSpan) throws(IPCError) -> CallHello {
        guard body.byteCount >= helloFieldsSize else { throw violation("a hello of \(body.byteCount) bytes") }
        let magic = body.load(UInt32.self, at: 0)
        guard magic == Self.magic else {
            throw IPCError(.wrongMagic, "the peer does not speak the call protocol: it began with \(magic)")
        }
        return CallHello(
            version: body.load(UInt32.self, at: 4), requestLimit: body.load(UInt32.self, at: 8),
            payload: [UInt8](body.extracting(helloFieldsSize..<body.byteCount)))
    }

    /// The fixed part; the payload is what follows the first `requestFieldsSize` bytes.
    @inline(__always)
    package static func readRequest(_ body: RawSpan) throws(IPCError) -> CallRequestFields {
        guard body.byteCount >= requestFieldsSize else { throw violation("a request of \(body.byteCount) bytes") }
        return CallRequestFields(
            remaining: body.load(UInt64.self, at: 0), window: body.load(UInt32.self, at: 8),
            method: body.load(UInt32.self, at: 12))
    }

    package static func readCredit(_ body: RawSpan) throws(IPCError) -> UInt32 {
        guard body.byteCount == 8 else { throw violation("a credit of \(body.byteCount) bytes") }
        return body.load(UInt32.self, at: 0)
    }

    /// Of each depth, the number of the last request that the peer took.
    package static func readGoodbye(_ body: RawSpan) throws(IPCError) -> [UInt64] {
        guard body.byteCount == (maximumDepth + 1) * 8 else {
            throw violation("a goodbye of \(body.byteCount) bytes")
        }
        return (0...maximumDepth).map { body.load(UInt64.self, at: $0 * 8) }
    }

    package static func readFailure(_ body: RawSpan) throws(IPCError) -> CallFailure {
        guard body.byteCount >= failureFieldsSize else { throw violation("a failure of \(body.byteCount) bytes") }
        let code = Int(body.load(UInt16.self, at: 0))
        let type = Int(body.load(UInt16.self, at: 2))
        let message = Int(body.load(UInt32.self, at: 4))
        let textEnd = failureFieldsSize + code + type + message
        guard textEnd <= body.byteCount else { throw violation("a failure whose texts are longer than it is") }
        let codeEnd = failureFieldsSize + code
        let typeEnd = codeEnd + type
        func text(_ range: Range<Int>) -> String { String(decoding: [UInt8](body.extracting(range)), as: UTF8.self) }
        return CallFailure(
            IPCError(IPCError.Code(named: text(failureFieldsSize..<codeEnd)) ?? .taskFailed, text(typeEnd..<textEnd)),
            typeName: text(codeEnd..<typeEnd), payload: [UInt8](body.extracting(textEnd..<body.byteCount)))
    }
}

extension RawSpan {
    /// A little-endian integer at a byte offset; traps beyond the end, so the caller has checked the length.
    @inline(__always)
    package func load<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type, at offset: Int) -> Number {
        precondition(offset >= 0 && offset <= byteCount - MemoryLayout<Number>.size)
        // SAFETY: the bytes are inside the span, and every bit pattern is an integer.
        return Number(littleEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Number.self))
    }
}
