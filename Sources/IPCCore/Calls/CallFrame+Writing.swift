extension CallWire {
    /// Appends a frame whose body `writeBody` appends; the length is filled in afterwards.
    @inline(__always)
    package static func append(
        _ kind: CallKind, id: UInt64, to buffer: inout [UInt8], writingBody writeBody: (inout [UInt8]) -> Void
    ) {
        let start = buffer.count
        appendHeader(kind, id: id, bodySize: 0, to: &buffer)
        writeBody(&buffer)
        setLength(ofFrameAt: start, in: &buffer)
    }

    package static func append(_ kind: CallKind, id: UInt64, body: [UInt8] = [], to buffer: inout [UInt8]) {
        appendHeader(kind, id: id, bodySize: body.count, to: &buffer)
        buffer.append(contentsOf: body)
    }

    package static func appendRequest(
        id: UInt64, depth: Int = 0, _ fields: CallRequestFields, payload: [UInt8], to buffer: inout [UInt8]
    ) {
        appendHeader(.request, id: id, depth: depth, bodySize: requestFieldsSize + payload.count, to: &buffer)
        appendFields(fields, to: &buffer)
        buffer.append(contentsOf: payload)
    }

    package static func appendRequest(
        id: UInt64, _ fields: CallRequestFields, _ payload: RawSpan, to buffer: inout [UInt8]
    ) {
        appendHeader(.request, id: id, bodySize: requestFieldsSize + payload.byteCount, to: &buffer)
        appendFields(fields, to: &buffer)
        unsafe payload.withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
    }

    package static func appendFields(_ fields: CallRequestFields, to buffer: inout [UInt8]) {
        append(fields.remaining, to: &buffer)
        append(fields.window, to: &buffer)
        append(fields.method, to: &buffer)
    }

    package static func appendHello(_ hello: CallHello, to buffer: inout [UInt8]) {
        appendHeader(.hello, id: 0, bodySize: helloFieldsSize + hello.payload.count, to: &buffer)
        append(magic, to: &buffer)
        append(hello.version, to: &buffer)
        append(hello.requestLimit, to: &buffer)
        append(UInt32(0), to: &buffer)
        buffer.append(contentsOf: hello.payload)
    }

    package static func appendCredit(id: UInt64, _ count: UInt32, to buffer: inout [UInt8]) {
        appendHeader(.credit, id: id, bodySize: 8, to: &buffer)
        append(count, to: &buffer)
        append(UInt32(0), to: &buffer)
    }

    /// - Parameter lastIDs: of each depth, the number of the last request that was taken.
    package static func appendGoodbye(_ lastIDs: [UInt64], to buffer: inout [UInt8]) {
        appendHeader(.goodbye, id: 0, bodySize: lastIDs.count * 8, to: &buffer)
        for id in lastIDs { append(id, to: &buffer) }
    }

    /// A failure; `declined` when no handler was started for the request.
    package static func appendFailure(id: UInt64, _ failure: CallFailure, to buffer: inout [UInt8]) {
        let code = Array(failure.error.code.description.utf8)
        let type = clipped(failure.typeName)
        let message = clipped(failure.error.message)
        let size = failureFieldsSize + code.count + type.count + message.count + failure.payload.count
        appendHeader(failure.reach == .notStarted ? .declined : .failure, id: id, bodySize: size, to: &buffer)
        append(UInt16(code.count), to: &buffer)
        append(UInt16(type.count), to: &buffer)
        append(UInt32(message.count), to: &buffer)
        buffer.append(contentsOf: code)
        buffer.append(contentsOf: type)
        buffer.append(contentsOf: message)
        buffer.append(contentsOf: failure.payload)
    }

    /// A failure whose frame takes at most `size` bytes: one that is too large goes without its own bytes, and if that is not
    /// enough with less of its description.
    package static func fitting(_ failure: CallFailure, within size: Int) -> CallFailure {
        let room = size - headerSize - failureFieldsSize - failure.error.code.description.utf8.count
        let texts = clipped(failure.typeName).count + clipped(failure.error.message).count
        guard texts + failure.payload.count > room else { return failure }
        let text = String(
            decoding: failure.error.message.utf8.prefix(min(maximumTextSize, max(0, room))), as: UTF8.self)
        // A character that was cut becomes one of three bytes: what is over is left out.
        var fitting = text
        while fitting.utf8.count > room, !fitting.isEmpty { fitting.removeLast() }
        return CallFailure(IPCError(failure.error.code, fitting), reach: failure.reach)
    }

    /// Writes the header of a frame whose body of `bodySize` bytes the caller appends next.
    @inline(__always)
    package static func appendHeader(
        _ kind: CallKind, id: UInt64, depth: Int = 0, bodySize: Int, to buffer: inout [UInt8]
    ) {
        append(UInt32(truncatingIfNeeded: headerSize - 4 + bodySize), to: &buffer)
        append(UInt32(kind.rawValue) | UInt32(depth) << 8, to: &buffer)
        append(id, to: &buffer)
    }

    /// Fills in the length of the frame that starts at `start` and ends where the buffer does.
    @inline(__always)
    package static func setLength(ofFrameAt start: Int, in buffer: inout [UInt8]) {
        let length = UInt32(truncatingIfNeeded: buffer.count - start - 4)
        for byte in 0..<4 { buffer[start + byte] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(byte))) }
    }

    @inline(__always)
    package static func append<Number: FixedWidthInteger & BitwiseCopyable>(
        _ number: Number, to buffer: inout [UInt8]
    ) {
        let number = number.littleEndian
        // SAFETY: only the bytes of a local integer are read.
        unsafe withUnsafeBytes(of: number) { unsafe buffer.append(contentsOf: $0) }
    }

    private static func clipped(_ text: String) -> [UInt8] { Array(text.utf8.prefix(maximumTextSize)) }
}
