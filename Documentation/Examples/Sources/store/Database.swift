import Glibc
import IPCDistributed

/// Stores a value under a key. Doing it twice is as good as doing it once.
struct Put: CallRequest {
    typealias Reply = NoReply
    static var isIdempotent: Bool { true }
    var key: String
    var value: Int
}

/// The value under a key.
struct Get: CallRequest {
    typealias Reply = Int
    typealias Failure = StoreError
    static var isIdempotent: Bool { true }
    var key: String
}

enum StoreError: Error, Codable {
    case missing(String)
}

/// The database: a process of its own, which writes down each value before it answers.
actor Database {
    private var values: [String: Int] = [:]
    private let journal: Int32

    /// Opens the journal and reads what is in it. What was cut off at its end was never answered.
    init(journal path: String) throws {
        journal = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard journal >= 0 else { throw IPCError(.notFound, "the journal cannot be opened", object: path) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(journal, &buffer, buffer.count), count > 0 { text += buffer[..<count] }
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            if words.count == 3, words[2] == ".", let value = Int(words[1]) { values[String(words[0])] = value }
        }
    }

    func put(_ key: String, _ value: Int) throws {
        // The line break comes first: it ends what a predecessor had no time to write.
        let line = Array("\n\(key) \(value) .".utf8)
        guard write(journal, line, line.count) == line.count, fdatasync(journal) == 0 else {
            throw IPCError(.systemFailure, "the journal cannot be written")
        }
        values[key] = value
    }

    func get(_ key: String) throws(StoreError) -> Int {
        guard let value = values[key] else { throw .missing(key) }
        return value
    }

    /// What the database's process does: answers over the socket that it was given, until its parent is gone.
    static func serve(journal path: String) async throws {
        let database = try Database(journal: path)
        let channel = try InheritedEndpoints.take(0, as: SocketChannel.self)
        let connection = try CallConnection(over: channel, options: CallOptions(interface: "store/1")) { handlers in
            handlers.on(Put.self) { request, _ in try await database.put(request.key, request.value) }
            handlers.on(Get.self) { request, _ in try await database.get(request.key) }
        }
        try await connection.waitUntilEnd()
    }
}
