public import IPCCore

/// Bytes without messages: for pipes whose framing is ``PipeFraming/bytes``. Others throw `.invalidArgument`.
///
/// What is read stays in the reader until there is enough of it: a call that throws has consumed nothing, and the next
/// call of any kind goes on with the same bytes.
extension PipeReader {
    /// Waits for exactly `byteCount` bytes.
    ///
    /// - Returns: nil when the end comes before the first of them.
    /// - Throws: `.truncated` when the end comes after the first and before the last of them; `.timedOut`, `.cancelled`,
    ///   `.closed`.
    public func read(exactly byteCount: Int, until deadline: Deadline = .never) async throws(IPCError) -> [UInt8]? {
        try await receiver.read(.count(byteCount), until: deadline)
    }

    /// Everything up to the end, when the last writer has left.
    ///
    /// - Parameters:
    ///   - limit: how many bytes there may be, so that no writer can fill the memory.
    ///   - deadline: when to give up.
    /// - Returns: the bytes, none when there were none.
    /// - Throws: `.messageTooLarge` when there are more than `limit`; `.timedOut`, `.cancelled`, `.closed`.
    public func readToEnd(limit: Int, until deadline: Deadline = .never) async throws(IPCError) -> [UInt8] {
        try await receiver.read(.end(limit: limit), until: deadline) ?? []
    }

    /// The bytes up to the next "\n" as text, without it and without a "\r" before it. The last line needs no end.
    ///
    /// - Parameters:
    ///   - maximumLength: how many bytes a line may have.
    ///   - deadline: when to give up.
    /// - Returns: nil when the end comes first. Bytes that are no UTF-8 become U+FFFD.
    /// - Throws: `.messageTooLarge` when the line is longer; `.timedOut`, `.cancelled`, `.closed`.
    public func readLine(
        maximumLength: Int = 1 << 20, until deadline: Deadline = .never
    ) async throws(IPCError) -> String? {
        guard let bytes = try await receiver.read(.line(limit: maximumLength), until: deadline) else { return nil }
        return String(decoding: bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes[...], as: UTF8.self)
    }

    /// The lines, of at most 1 MiB each, as an `AsyncSequence`: `for try await line in reader.lines`.
    public var lines: PipeLines { lines(maximumLength: 1 << 20) }

    /// The lines, of at most `maximumLength` bytes each, as an `AsyncSequence`.
    public func lines(maximumLength: Int) -> PipeLines { PipeLines(self, maximumLength: maximumLength) }
}
