public import IPCCore

/// Questions and answers of types.
extension Mailbox {
    /// Asks a question of a type and waits for the answer. See ``request(_:labeled:until:)``.
    ///
    /// ```swift
    /// let pages = try await printers.request(Query.pagesLeft, for: Int.self, using: .binary, until: .after(.seconds(5)))
    /// ```
    ///
    /// - Throws: as that; also `.encodingFailed`, and what the codec says of an answer that is none.
    public func request<Question, Answer>(
        _ question: Question, for answer: Answer.Type, using codec: MessageCodec<Answer, Question>,
        labeled label: QueueLabel = .standard, until deadline: Deadline
    ) async throws(IPCError) -> Answer {
        var buffer = MessageBuffer()
        try codec.encode(question, into: &buffer)
        let found = try await request([UInt8](buffer.bytes), labeled: label, until: deadline)
        return try unsafe codec.decode(found.span.bytes)
    }
}

extension QueueMessage {
    /// Answers with a value of a type. See ``reply(_:until:)``; also `.encodingFailed`.
    public func reply<Answer>(
        _ answer: Answer, using codec: MessageCodec<Answer, Answer>, until deadline: Deadline = .never
    ) async throws(IPCError) {
        try await reply(try encoded(answer, codec), until: deadline)
    }
}

extension LeasedMessage {
    /// Answers with a value of a type. See ``QueueMessage/reply(_:until:)``; also `.encodingFailed`.
    public func reply<Answer>(
        _ answer: Answer, using codec: MessageCodec<Answer, Answer>, until deadline: Deadline = .never
    ) async throws(IPCError) {
        try await reply(try encoded(answer, codec), until: deadline)
    }
}

private func encoded<Answer>(
    _ answer: Answer, _ codec: MessageCodec<Answer, Answer>
) throws(IPCError) -> [UInt8] {
    var buffer = MessageBuffer()
    try codec.encode(answer, into: &buffer)
    return [UInt8](buffer.bytes)
}
