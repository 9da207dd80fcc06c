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

/// Answers each request, a line, with the process id and that line. Between two requests of a client it leaves when it is to;
/// the first one it waits for in any case, since the client has been accepted.
private func answer(_ worker: ServerWorker, also: @escaping @Sendable () async throws -> Void = {}) async throws {
    try await worker.forEachConnection { connection in
        var next = try await connection.read()
        while let request = next {
            try await also()
            // Counted before the client hears of it, so that a test finds it counted.
            worker.countRequest()
            try await connection.write(Array("\(getpid()) ".utf8) + request)
            next = try await worker.untilLeaving { try await connection.read() } ?? nil
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
