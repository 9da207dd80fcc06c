public import FoundationEssentials
@_exported public import IPCCore

extension MessageCodec where Inbound: Codable, Outbound: Codable {
    /// Messages as JSON text, for peers that are not Swift. Larger and slower than `.binary`.
    ///
    /// `channel.messages(sending: Job.self, receiving: Reply.self, using: .json)`
    public static var json: MessageCodec { json() }

    /// Messages as JSON text, by an encoder and a decoder that are set up as you need them (dates, keys, order).
    ///
    /// Throws `.encodingFailed` and `.decodingFailed` with the path of the field and the reason. Do not change the two
    /// afterwards: the channel uses them from several tasks.
    public static func json(
        encoder: JSONEncoder = JSONEncoder(), decoder: JSONDecoder = JSONDecoder()
    ) -> MessageCodec {
        MessageCodec(
            encode: { (message: Outbound, buffer: inout MessageBuffer) throws(IPCError) in
                do {
                    buffer.append(try encoder.encode(message).bytes)
                } catch {
                    throw IPCError(.encodingFailed, "encode \(Outbound.self) as JSON: \(explain(error))")
                }
            },
            decode: { (bytes: RawSpan) throws(IPCError) -> Inbound in
                let data = unsafe bytes.withUnsafeBytes { unsafe Data($0) }
                do {
                    return try decoder.decode(Inbound.self, from: data)
                } catch {
                    throw IPCError(.decodingFailed, "decode \(Inbound.self) from JSON: \(explain(error))")
                }
            })
    }
}

private func explain(_ error: any Error) -> String {
    switch error {
    case EncodingError.invalidValue(_, let context): place(context.codingPath) + context.debugDescription
    case DecodingError.typeMismatch(let type, let context):
        place(context.codingPath) + "expected \(type): " + context.debugDescription
    case DecodingError.valueNotFound(let type, let context):
        place(context.codingPath) + "expected \(type), found null"
    case DecodingError.keyNotFound(let key, let context):
        place(context.codingPath) + "expected a field `\(key.stringValue)`, found none"
    case DecodingError.dataCorrupted(let context): place(context.codingPath) + context.debugDescription
    default: "\(error)"
    }
}

/// ``at `jobs[3].name`: ``, or nothing at the top.
private func place(_ path: [any CodingKey]) -> String {
    guard !path.isEmpty else { return "" }
    var text = ""
    for key in path {
        if let index = key.intValue {
            text += "[\(index)]"
        } else {
            text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
        }
    }
    return "at `\(text)`: "
}
