import IPCSync
import Testing

@testable import kv_server

/// The protocol without sockets: bytes in, bytes out.
@Suite(.inTurn) struct SessionTests {
    private static func store(megabytes: Int = 4) async throws -> Store {
        try await Store.make(byteCount: megabytes << 20, stripes: 8)
    }

    /// What a client gets that sends `pieces` one after the other, as text; `end` when it was closed.
    private static func answers(_ store: Store, _ pieces: [[UInt8]]) async throws -> String {
        var session = Session(store, WorkerFacts())
        var output: [UInt8] = []
        for piece in pieces where session.pause != .end {
            session.take(piece.span.bytes)
            while true {
                output += session.replies.storage.prefix(session.replies.count)
                session.replies.clear()
                if session.pause == .needsInput || session.pause == .end { break }
                try await session.goOn()
            }
        }
        return String(decoding: output, as: UTF8.self) + (session.pause == .end ? "end" : "")
    }

    private static func answer(_ store: Store, _ words: [String]) async throws -> String {
        try await answers(store, [command(words)])
    }

    static func command(_ words: [String]) -> [UInt8] {
        var text = "*\(words.count)\r\n"
        for word in words { text += "$\(word.utf8.count)\r\n\(word)\r\n" }
        return Array(text.utf8)
    }

    /// Each with what is answered, one after the other.
    static let script: [([String], String)] = [
        (["PING"], "+PONG\r\n"), (["ping", "hello"], "$5\r\nhello\r\n"), (["ECHO", ""], "$0\r\n\r\n"),
        (["GET", "a"], "$-1\r\n"), (["SET", "a", "1\r\n2"], "+OK\r\n"), (["GET", "a"], "$4\r\n1\r\n2\r\n"),
        (["SET", "a", "x", "NX"], "$-1\r\n"), (["SET", "b", "x", "xx"], "$-1\r\n"),
        (["SET", "b", "7", "NX"], "+OK\r\n"),
        (["INCR", "b"], ":8\r\n"), (["GET", "b"], "$1\r\n8\r\n"), (["INCRBY", "b", "-10"], ":-2\r\n"),
        (["DECR", "c"], ":-1\r\n"), (["GET", "c"], "$2\r\n-1\r\n"), (["DECRBY", "c", "-3"], ":2\r\n"),
        (["INCR", "a"], "-ERR value is not an integer or out of range\r\n"),
        (["SET", "m", "9223372036854775807"], "+OK\r\n"),
        (["INCR", "m"], "-ERR increment or decrement would overflow\r\n"),
        (["GET", "m"], "$19\r\n9223372036854775807\r\n"),
        (["SET", "z", "007"], "+OK\r\n"), (["INCR", "z"], "-ERR value is not an integer or out of range\r\n"),
        (["EXISTS", "a", "b", "a", "none"], ":3\r\n"), (["EXISTS", "none"], ":0\r\n"), (["DBSIZE"], ":5\r\n"),
        (["DEL", "none"], ":0\r\n"), (["DEL", "a", "none", "b"], ":2\r\n"), (["DEL", "z"], ":1\r\n"),
        (["DBSIZE"], ":2\r\n"), (["TTL", "c"], ":-1\r\n"), (["TTL", "none"], ":-2\r\n"),
        (["SET", "t", "v", "EX", "100"], "+OK\r\n"), (["TTL", "t"], ":100\r\n"),
        (["INCR", "t"], "-ERR value is not an integer or out of range\r\n"),
        (["PERSIST", "t"], ":1\r\n"), (["PERSIST", "t"], ":0\r\n"), (["TTL", "t"], ":-1\r\n"),
        (["EXPIRE", "t", "50"], ":1\r\n"), (["TTL", "t"], ":50\r\n"), (["SET", "t", "w", "KEEPTTL"], "+OK\r\n"),
        (["TTL", "t"], ":50\r\n"), (["SET", "t", "w"], "+OK\r\n"), (["TTL", "t"], ":-1\r\n"),
        (["EXPIRE", "t", "-1"], ":1\r\n"), (["GET", "t"], "$-1\r\n"), (["EXPIRE", "t", "5"], ":0\r\n"),
        (["SET", "t", "v", "EX"], "-ERR syntax error\r\n"), (["SET", "t", "v", "NX", "XX"], "-ERR syntax error\r\n"),
        (["SET", "t", "v", "EX", "0"], "-ERR invalid expire time in 'set' command\r\n"),
        (["SET", "t", "v", "EX", "9223372036854775807"], "-ERR invalid expire time in 'set' command\r\n"),
        (["SET", "t", "v", "PX", "x"], "-ERR value is not an integer or out of range\r\n"),
        (["SET", "t"], "-ERR wrong number of arguments for 'set' command\r\n"),
        (["NOSUCH", "t"], "-ERR unknown command 'NOSUCH'\r\n"),
        (["NOSUCHCOMMAND"], "-ERR unknown command 'NOSUCHCOMMAND'\r\n"),
        (["CONFIG", "GET", "save"], "*2\r\n$4\r\nsave\r\n$0\r\n\r\n"), (["COMMAND", "DOCS"], "*0\r\n"),
        (["SELECT", "0"], "+OK\r\n"), (["SELECT", "1"], "-ERR DB index is out of range\r\n"),
        (["FLUSHDB"], "+OK\r\n"), (["DBSIZE"], ":0\r\n"), (["GET", "c"], "$-1\r\n"), (["QUIT"], "+OK\r\n"),
    ]

    /// What is left of `answer` behind the one that is expected; nil when it begins otherwise. Of a key that is to live for so
    /// many seconds some may have gone by.
    private static func rest(of answer: Substring, after words: [String], _ expected: String) -> Substring? {
        guard words[0] == "TTL", let most = number(expected[...]), most > 0 else {
            return answer.hasPrefix(expected) ? answer.dropFirst(expected.count) : nil
        }
        let line = answer.prefix { $0 != "\r\n" }
        guard let left = number(line), (1...most).contains(left) else { return nil }
        return answer.dropFirst(line.count + 1)
    }

    private static func number(_ answer: Substring) -> Int? {
        answer.first == ":" ? Int(answer.dropFirst().prefix { $0 != "\r\n" }) : nil
    }

    @Test func eachCommandIsAnswered() async throws {
        let store = try await Self.store()
        for (words, expected) in Self.script {
            let answer = try await Self.answer(store, words)
            let rest = Self.rest(of: answer[...], after: words, expected)
            #expect(rest == (words == ["QUIT"] ? "end" : ""), "\(words) answered \(answer)")
        }
    }

    /// However the bytes are cut, the answers are the same.
    @Test(arguments: [1, 2, 3, 7, 64, 1 << 20]) func piecesOfAnySizeMakeTheSameCommands(size: Int) async throws {
        let store = try await Self.store()
        let bytes = Self.script.flatMap { Self.command($0.0) }
        let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
        let answers = try await Self.answers(store, pieces)
        var rest = answers[...]
        for (words, expected) in Self.script {
            rest = try #require(Self.rest(of: rest, after: words, expected), "\(words) answered \(rest.prefix(40))")
        }
        #expect(rest == "end")
    }

    @Test func peopleMayTypeLines() async throws {
        let store = try await Self.store()
        let text = "PING\r\n\r\n  set  k   v \nGET k\r\n*0\r\nDEL k\r\nquit\r\nPING\r\n"
        #expect(try await Self.answers(store, [Array(text.utf8)]) == "+PONG\r\n+OK\r\n$1\r\nv\r\n:1\r\n+OK\r\nend")
    }

    @Test func whatIsNoProtocolEndsTheConnection() async throws {
        let store = try await Self.store()
        let wrong = [
            "*x\r\n", "*1\r\nfoo\r\n", "*1\r\n$-1\r\n", "*1\r\n$4\r\nPINGxx", "*1\r\n$99999999999\r\n", "*99999999\r\n",
            "*1\r\n$1x\r\n", "*1\n", String(repeating: "x", count: 70_000), "*\r\n", "*123456789012345678901\r\n",
        ]
        for text in wrong {
            let answer = try await Self.answers(store, [Array("PING\r\n".utf8), Array(text.utf8)])
            let isRefused = answer.hasPrefix("+PONG\r\n-ERR Protocol error: ") && answer.hasSuffix("\r\nend")
            #expect(isRefused, "\(text.prefix(40))")
        }
        // A beginning of a command is none.
        for text in ["*1\r\n$4\r\nPIN", "*1\r\n$4", "*1\r\n", "*", "PIN", "*1\r\n$4\r\nPING\r"] {
            #expect(try await Self.answers(store, [Array(text.utf8)]) == "", "\(text)")
        }
    }

    @Test func largeValuesAndTooLargeOnes() async throws {
        let store = try await Self.store()
        let limit = store.shape.largestEntry - Entry.headerByteCount - 1
        let value = String(repeating: "v", count: limit)
        #expect(try await Self.answer(store, ["SET", "k", value]) == "+OK\r\n")
        #expect(try await Self.answer(store, ["GET", "k"]) == "$\(limit)\r\n\(value)\r\n")
        // The old and the new beside each other.
        #expect(try await Self.answer(store, ["SET", "k", value]) == "+OK\r\n")
        let tooLarge = String(repeating: "v", count: 2 * store.shape.largestEntry)
        #expect(try await Self.answer(store, ["SET", "k", tooLarge]).hasPrefix("-OOM "))
        #expect(try await Self.answer(store, ["GET", "k"]) == "$\(limit)\r\n\(value)\r\n")
        let beyond = try await Self.answer(store, ["SET", "k", tooLarge + "v"])
        #expect(beyond == "-ERR Protocol error: invalid bulk length\r\nend")
    }

    /// More answers than go into one write, and commands that go through all stripes in between.
    @Test func manyAnswersComeInOrder() async throws {
        let store = try await Self.store()
        let value = String(repeating: "v", count: 1000)
        var bytes = Self.command(["SET", "k", value])
        var expected = "+OK\r\n"
        for index in 0..<500 {
            bytes += Self.command(["GET", "k"])
            expected += "$1000\r\n\(value)\r\n"
            if index % 50 == 0 {
                bytes += Self.command(["DBSIZE"]) + Self.command(["EXISTS", "k", "none"])
                expected += ":1\r\n:1\r\n"
            }
        }
        #expect(try await Self.answers(store, [bytes]) == expected)
    }

    @Test func timeEndsKeys() async throws {
        let store = try await Self.store()
        #expect(try await Self.answer(store, ["SET", "t", "v", "PX", "30"]) == "+OK\r\n")
        #expect(try await Self.answer(store, ["SET", "n", "5"]) == "+OK\r\n")
        for index in 0..<200 {
            #expect(try await Self.answer(store, ["SET", "s\(index)", "v", "PX", "1"]) == "+OK\r\n")
        }
        try await Task.sleep(for: .milliseconds(60))
        #expect(try await Self.answer(store, ["GET", "t"]) == "$-1\r\n")
        #expect(try await Self.answer(store, ["SET", "t", "w", "NX"]) == "+OK\r\n")
        #expect(try await Self.answer(store, ["GET", "t"]) == "$1\r\nw\r\n")
        // Those that nobody asks for go, too, and give their room back.
        try store.sweep(store.shape.bucketCount)
        let left = try await store.statistics()
        #expect(left.keys == 2 && left.expiring == 0 && left.usedBytes == 64)
    }

    /// A stripe that nobody can repair: its keys answer with an error, the others work, and FLUSHDB makes it work again.
    @Test func damageIsAnErrorUntilItIsFlushed() async throws {
        let store = try await Store.make(byteCount: 4 << 20, stripes: 2)
        var keys = [0: "", 1: ""]
        for index in 0..<64 {
            let key = Array("k\(index)".utf8)
            keys[key.withUnsafeBytes { store.stripe(of: store.hash($0)) }] = "k\(index)"
        }
        let (damaged, whole) = (try #require(keys[0]), try #require(keys[1]))
        await #expect(throws: LockError<StripeDamage>.self) {
            try await store.locks[0].repair { _ throws(StripeDamage) in throw StripeDamage(description: "on purpose") }
        }
        #expect(try await Self.answer(store, ["SET", damaged, "v"]).hasPrefix("-ERR the store: "))
        #expect(try await Self.answer(store, ["DBSIZE"]).hasPrefix("-ERR the store: "))
        #expect(try await Self.answer(store, ["SET", whole, "v"]) == "+OK\r\n")
        #expect(try await Self.answer(store, ["FLUSHDB"]) == "+OK\r\n")
        #expect(try await Self.answer(store, ["DBSIZE"]) == ":0\r\n")
        #expect(try await Self.answer(store, ["SET", damaged, "v"]) == "+OK\r\n")
        #expect(try await Self.answer(store, ["GET", damaged]) == "$1\r\nv\r\n")
    }

    @Test func infoSaysWhatThereIs() async throws {
        let store = try await Self.store()
        _ = try await Self.answer(store, ["SET", "t", "v", "EX", "30"])
        let info = try await Self.answer(store, ["INFO"])
        for part in ["db0:keys=1,expires=1,", "redis_version:", "process_id:"] {
            #expect(info.contains(part), "\(info)")
        }
        let commands = try await Self.answer(store, ["COMMAND"])
        #expect(commands.hasPrefix("*\(CommandName.allCases.count)\r\n*6\r\n$4\r\nping\r\n:-1\r\n"))
    }
}
