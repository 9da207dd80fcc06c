import IPCSockets
import IPCSystem
import IPCWorkers
import Synchronization
import Testing

extension MultiProcessServerOptions {
    /// Workers of the helper program, in this mode.
    static func helper(_ mode: String..., name: String? = nil) -> MultiProcessServerOptions {
        MultiProcessServerOptions(
            name: name, executable: .path(helperPath), arguments: ["server-worker"] + mode,
            environment: .inherit.updating(["SWIFT_BACKTRACE": "enable=no"]), readyTimeout: .seconds(120),
            grace: .seconds(60), standardError: .discarded)
    }
}

private let serverCount = Atomic<Int>(0)

/// A name that no other test has.
func freshName() -> String {
    "test-\(ProcessFacts.processID)-\(serverCount.wrappingAdd(1, ordering: .relaxed).newValue)"
}

/// A server of the helper program at a path of its own, whose folder is empty afterwards.
func withHelperServer<Result>(
    _ workers: Int = 2, _ options: MultiProcessServerOptions = .helper("answer"),
    _ body: (MultiProcessServer) async throws -> Result
) async throws -> Result {
    try await withTemporaryDirectory { folder async throws in
        let result = try await withMultiProcessServer(
            at: .unix(path: "\(folder)/server"), workers: .exactly(workers), options: options, body)
        let left = try await Command("ls", "-A", folder).output().lines
        #expect(left.isEmpty)
        return result
    }
}

/// A client of the helper's answering workers, on one connection.
struct Client: Sendable {
    let connection: SocketConnection

    init(_ address: SocketAddress) async throws(IPCError) {
        connection = try await SocketConnection.connect(to: address, until: .after(.seconds(120)))
    }

    /// Who answered; nil when the connection ended.
    func ask(_ text: String = "who") async throws -> Int32? {
        var answer: [UInt8] = []
        do throws(IPCError) {
            try await connection.write(Array("\(text)\n".utf8), until: .after(.seconds(120)))
            while answer.last != UInt8(ascii: "\n"), let part = try await connection.read(until: .after(.seconds(120)))
            {
                answer += part
            }
        } catch {
            guard error.code == .peerClosed else { throw error }
        }
        let words = String(decoding: answer, as: UTF8.self).split { $0 == " " || $0 == "\n" }
        guard let first = words.first else { return nil }
        if words.count > 1 { #expect(words[1] == text) }
        let number = Int32(first)
        #expect(number != nil)
        return number
    }

    /// Sends many requests in one write.
    ///
    /// - Returns: how many were answered.
    func lines(_ count: Int, _ text: String) async throws -> Int {
        var answers: [UInt8] = []
        var found = 0
        do throws(IPCError) {
            let requests = Array(String(repeating: "\(text)\n", count: count).utf8)
            try await connection.write(requests, until: .after(.seconds(120)))
            while found < count, let part = try await connection.read(until: .after(.seconds(120))) {
                answers += part
                found += part.count { $0 == UInt8(ascii: "\n") }
            }
        } catch {
            guard error.code == .peerClosed else { throw error }
        }
        #expect(String(decoding: answers, as: UTF8.self) == String(repeating: "\(text)\n", count: found))
        return found
    }

    /// Who answers a new connection.
    static func ask(_ address: SocketAddress, _ text: String = "who") async throws -> Int32? {
        let client = try await Client(address)
        defer { client.connection.close() }
        return try await client.ask(text)
    }
}
