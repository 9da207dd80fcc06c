import IPCSockets

/// A client in the protocol of Redis (RESP2), as small as it can be.
final class RedisClient {
    enum Reply: Equatable, Sendable {
        case simple(String)
        case error(String)
        case number(Int64)
        case bulk([UInt8]?)
        case array([Reply])
    }

    private let connection: SocketConnection
    private var buffer: [UInt8] = []
    private var position = 0

    init(_ connection: SocketConnection) { self.connection = connection }

    /// Connects, and tries again as long as nobody listens.
    static func connect(to address: SocketAddress, until deadline: Deadline) async throws(IPCError) -> RedisClient {
        RedisClient(try await SocketConnection.connect(to: address, retry: .untilDeadline, until: deadline))
    }

    func close() { connection.close() }

    /// One command.
    func send(_ words: String..., until deadline: Deadline = .after(.seconds(60))) async throws(IPCError) -> Reply {
        try await send(words: words, until: deadline)
    }

    /// The same for words that are an array already.
    func send(words: [String], until deadline: Deadline = .after(.seconds(60))) async throws(IPCError) -> Reply {
        var reply: Reply?
        try await send([words.map { Array($0.utf8) }], until: deadline) { _, found in reply = found }
        guard let reply else { throw IPCError(.protocolViolation, "talk to the store: no answer") }
        return reply
    }

    /// Several commands in one write. `body` gets each answer with its index as it comes, so that a caller knows which ones
    /// came when this throws.
    func send(
        _ commands: [[[UInt8]]], until deadline: Deadline = .after(.seconds(60)), _ body: (Int, Reply) -> Void
    ) async throws(IPCError) {
        var bytes: [UInt8] = []
        for words in commands {
            bytes += Array("*\(words.count)\r\n".utf8)
            for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + [13, 10] }
        }
        try await connection.write(bytes, until: deadline)
        for index in commands.indices {
            var reply = try parse()
            while reply == nil {
                guard let more = try await connection.read(until: deadline) else {
                    throw IPCError(.peerClosed, "talk to the store: it is gone")
                }
                buffer.removeFirst(position)
                position = 0
                buffer += more
                reply = try parse()
            }
            if let reply { body(index, reply) }
        }
    }

    // MARK: Answers

    /// The next answer if it is whole.
    private func parse() throws(IPCError) -> Reply? {
        let start = position
        let reply = try parsePart()
        if reply == nil { position = start }
        return reply
    }

    private func parsePart() throws(IPCError) -> Reply? {
        guard let line = takeLine(), let kind = line.utf8.first else { return nil }
        let rest = String(line.dropFirst())
        switch kind {
        case UInt8(ascii: "+"): return .simple(rest)
        case UInt8(ascii: "-"): return .error(rest)
        case UInt8(ascii: ":"): return .number(try number(rest))
        case UInt8(ascii: "$"):
            let count = Int(try number(rest))
            guard count >= 0 else { return .bulk(nil) }
            guard position + count + 2 <= buffer.count else { return nil }
            defer { position += count + 2 }
            return .bulk(Array(buffer[position..<position + count]))
        case UInt8(ascii: "*"):
            var parts: [Reply] = []
            for _ in 0..<max(0, try number(rest)) {
                guard let part = try parsePart() else { return nil }
                parts.append(part)
            }
            return .array(parts)
        default: throw IPCError(.protocolViolation, "talk to the store: it answered \(line)")
        }
    }

    private func number(_ text: String) throws(IPCError) -> Int64 {
        guard let number = Int64(text) else {
            throw IPCError(.protocolViolation, "talk to the store: \(text) is no number")
        }
        return number
    }

    private func takeLine() -> String? {
        guard let end = buffer[position...].firstIndex(of: 10), end > position else { return nil }
        defer { position = end + 1 }
        return String(decoding: buffer[position..<end - 1], as: UTF8.self)
    }
}
