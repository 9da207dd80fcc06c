import Glibc
import IPCProcess

/// What other processes do in the tests of pipes.
let pipeScenarios: [String: Scenario] = [
    "pipe-writer": pipeWriter, "pipe-echo": pipeEcho, "pipe-open": pipeOpen,
    "pipe-capacity": pipeCapacity,
]

/// PATH NUMBER COUNT finish|close|kill: sends COUNT messages of many sizes into a FIFO that others write to as well.
private func pipeWriter(_ arguments: [String]) async throws -> Int32 {
    let (number, count) = (UInt8(arguments[1])!, Int(arguments[2])!)
    let pipe = try NamedPipe(arguments[0], .open)
    let writer = try await pipe.openWriter(PipeOptions(framing: .messagesFromManyWriters))
    for index in 0..<count {
        let size = 5 + (index &* 7919 &+ Int(number) &* 131) % 4060
        var message = [UInt8](repeating: number, count: size)
        for place in 0..<4 { message[1 + place] = UInt8(truncatingIfNeeded: index >> (8 * place)) }
        try await writer.send(message)
    }
    switch arguments[3] {
    case "finish": try await writer.finish()
    case "close": writer.close()
    default: kill(getpid(), SIGKILL)
    }
    return 0
}

/// Sends back what comes through the channel that it was given.
private func pipeEcho(_ arguments: [String]) async throws -> Int32 {
    let channel = try InheritedEndpoints.take(0, as: PipeChannel.self)
    while let message = try await channel.receive() { try await channel.send(message) }
    try await channel.finish()
    return 0
}

/// PATH create|open|openOrCreate read|write|none: says what came of it.
private func pipeOpen(_ arguments: [String]) async throws -> Int32 {
    let intents = ["create": CreationIntent.create, "open": .open, "openOrCreate": .openOrCreate]
    do throws(IPCError) {
        let pipe = try NamedPipe(arguments[0], intents[arguments[1]]!)
        switch arguments[2] {
        case "read": _ = try pipe.openReader()
        case "write": _ = try pipe.tryOpenWriter()
        default: break
        }
        say("\(try pipe.permissions)")
    } catch {
        say("\(error.code)")
    }
    return 0
}

/// BYTES: makes a pipe of that capacity and says what came of it.
private func pipeCapacity(_ arguments: [String]) async throws -> Int32 {
    do throws(IPCError) {
        let (reader, writer) = try AnonymousPipe.make(PipeOptions(capacity: Int(arguments[0])!))
        say("\(try writer.capacity)")
        withExtendedLifetime(reader) {}
    } catch {
        say("\(error.code)")
    }
    return 0
}
