import IPCProcess
import IPCSignals
import IPCSockets
import IPCSystem

// Work that is told that it is to end, and is not cancelled for that.

/// MODE: `finishes` when it is told; or does not until it is cancelled, which is `slow` after a short grace and `hurried` with a
/// long one; or is `stuck`, whatever happens; or is `done` by itself.
@Sendable func requestShutDown(_ arguments: [String]) async throws -> Int32 {
    let mode = arguments[0]
    let hasTime = mode == "finishes" || mode == "hurried"
    do {
        let result = try await withGracefulShutdown(
            on: .terminate, .interrupt, grace: hasTime ? .seconds(3600) : .milliseconds(100)
        ) { shutdown in
            let (asked, sink) = AsyncStream<Void>.makeStream()
            shutdown.onRequest { sink.yield() }
            say("ready \(ProcessFacts.processID)")
            if mode == "done" { return 5 }
            for await _ in asked { break }
            say("asked \(shutdown.isMade) \(Task.isCancelled)")
            // Too late for a signal, and told all the same.
            if mode == "finishes" {
                return await withCheckedContinuation { done in shutdown.onRequest { done.resume(returning: 6) } }
            }
            do {
                try await Task.sleep(for: .seconds(3600))
            } catch {
                say("cancelled")
                if mode != "stuck" { throw error }
            }
            unsafe await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            return 7
        }
        say(result.map { "result \($0)" } ?? "ended")
    } catch let error as IPCError {
        say("\(error.code): \(error.message)")
    }
    return 0
}

/// A server with a client whose request it has begun when it is asked to end. It answers, and ends; nobody else comes in.
@Sendable func requestShutDownOfServer(_ arguments: [String]) async throws -> Int32 {
    let address = try SocketAddress.unix(abstract: "ipc-shutdown-\(ProcessFacts.processID)")
    try await withGracefulShutdown(on: .terminate, grace: .seconds(3600)) { shutdown in
        try await SocketListener.withListener(at: address) { listener in
            shutdown.onRequest { await listener.shutDown(until: .after(.seconds(60))) }
            say("ready \(ProcessFacts.processID)")
            async let answer = ask(address)
            guard let connection = try await listener.accept(until: .never) else { throw Wrong("no client came") }
            let channel = try connection.channel()
            let request = try await channel.receive() ?? []
            say("asked")
            while !shutdown.isMade { try await Task.sleep(for: .milliseconds(1)) }
            while try await listener.accept(until: .never) != nil {}
            try await channel.send(request.reversed())
            try await channel.finish()
            say("answer \(String(decoding: try await answer ?? [], as: UTF8.self))")
        }
    }
    say("ended")
    return 0
}

private func ask(_ address: SocketAddress) async throws -> [UInt8]? {
    let channel = try await SocketChannel.connect(to: address, until: .after(.seconds(60)))
    try await channel.send(Array("olleh".utf8))
    let answer = try await channel.receive()
    // The server's end, so that it is not told that nobody hears it.
    guard try await channel.receive() == nil else { throw Wrong("a second answer") }
    return answer
}
