import Glibc
import IPCSockets
import IPCSync
import IPCSystem
import IPCWorkers

/// What this program does as a worker of a server, by its arguments: `server-worker MODE ARGUMENTS…`.
func serveAsServerWorker() async throws {
    try await MultiProcessServer.serveIfWorker { worker in
        let arguments = Array(CommandLine.arguments.dropFirst(2))
        switch arguments.first {
        case "crash":
            complain("Fatal error: the configuration is missing")
            kill(getpid(), SIGKILL)
        case "file":
            // Serves, unless the file says that this version of the program is a bad one.
            if try text(of: arguments[1]).hasPrefix("bad") {
                complain("this version does not work")
                exit(7)
            }
            try await answer(worker)
        case "gate":
            // Is ready when the file is there.
            while unsafe access(arguments[1], F_OK) != 0 { try await Task.sleep(for: .milliseconds(5)) }
            try await answer(worker)
        case "answer-lines":
            // All that has come, in as many writes as there are lines.
            try await worker.forEachConnection(options: SocketListenerOptions(handshakeDeadline: nil)) { connection in
                while try await worker.waitForRequest(on: connection), let requests = try await connection.read() {
                    for line in requests.split(separator: UInt8(ascii: "\n")) {
                        worker.countRequest()
                        try await connection.write(line + [UInt8(ascii: "\n")])
                        await Task.yield()
                    }
                }
            }
        case "until-leaving":
            try await worker.forEachConnection(options: SocketListenerOptions(handshakeDeadline: nil)) { connection in
                while let request = try await worker.untilLeaving({ try await connection.read() }) {
                    try await connection.write(Array("\(getpid()) ".utf8) + request)
                }
            }
        case "never-ready":
            try await Task.sleep(for: .seconds(600))
        case "leave-at-once":
            return
        case "stubborn":
            // Neither the signal nor the end of its connections moves it.
            try await worker.forEachConnection { connection in
                _ = try await connection.read()
                try await connection.write(Array("\(getpid())\n".utf8))
                startThread { while true { pause() } }
                unsafe await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            }
        case "count":
            let region = try await worker.syncRegion(0)
            let counter = try region.mutex("count", of: Int.self, initial: 0)
            try await answer(worker) { try await counter.withLock { $0 += 1 } }
        case "replace":
            try await answer(worker) { worker.requestReplacement() }
        default:
            try await answer(worker)
        }
    }
}

/// Answers each request, a line, with the process id and that line. Between two requests of a client it leaves when it is to.
private func answer(_ worker: ServerWorker, also: @escaping @Sendable () async throws -> Void = {}) async throws {
    // On a machine that stands still a client may take long to say its first word.
    try await worker.forEachConnection(options: SocketListenerOptions(handshakeDeadline: nil)) { connection in
        while try await worker.waitForRequest(on: connection), let request = try await connection.read() {
            try await also()
            // Counted before the client hears of it, so that a test finds it counted.
            worker.countRequest()
            try await connection.write(Array("\(getpid()) ".utf8) + request)
        }
    }
}

private func complain(_ text: String) {
    let bytes = Array("\(text)\n".utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
}

private func text(of path: String) throws -> String {
    String(decoding: try TestingCalls.contents(of: path), as: UTF8.self)
}
