import Glibc
import IPCProcess

/// What other processes do in the tests of pipes.
let pipeScenarios: [String: Scenario] = [
    "pipe-writer": pipeWriter, "pipe-echo": pipeEcho, "pipe-open": pipeOpen,
    "pipe-capacity": pipeCapacity, "pipe-announced": pipeAnnounced, "pipe-first-writer": firstWriter,
]

/// PATH NUMBER COUNT finish|close|kill: sends COUNT messages of many sizes into a FIFO that others write to as well.
private func pipeWriter(_ arguments: [String]) async throws -> Int32 {
    let (number, count) = (UInt8(arguments[1])!, Int(arguments[2])!)
    let pipe = try NamedPipe(arguments[0], .open)
    let writer = try await pipe.openWriter(options: PipeOptions(framing: .messagesFromManyWriters))
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
        let (reader, writer) = try AnonymousPipe.make(options: PipeOptions(capacity: Int(arguments[0])!))
        say("\(try writer.capacity)")
        withExtendedLifetime(reader) {}
    } catch {
        say("\(error.code)")
    }
    return 0
}

/// 64 writers announce 1 GiB each and send three bytes of it: the memory stays as it is.
private func pipeAnnounced(_ arguments: [String]) async throws -> Int32 {
    let hello = Array("swiftIPC".utf8) + [1, 0, 0, 0, 0, 0, 0, 0]
    let header: [UInt8] = [0, 0, 0, 64, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    var kept: [(PipeReader, PipeWriter)] = []
    var before = 0
    for count in 0..<65 {
        let ends = try AnonymousPipe.make(options: PipeOptions(framing: .bytes))
        let reader = try PipeReader(
            adopting: try ends.reader.transfer().descriptors[0], options: PipeOptions(maximumMessageSize: 1 << 30))
        try await ends.writer.write(hello + header + [1, 2, 3])
        do {
            _ = try await reader.receive(until: .after(.milliseconds(1)))
            throw Wrong("a message that has not come was received")
        } catch let error as IPCError {
            try require(error.code == .timedOut, "\(error)")
        }
        kept.append((reader, ends.writer))
        // The first one starts the threads that the others use too.
        if count == 0 { before = try await residentBytes() }
    }
    let growth = try await residentBytes() - before
    try require(growth < 64 << 20, "64 connections took \(growth) bytes")
    withExtendedLifetime(kept) {}
    return 0
}

private func residentBytes() async throws -> Int {
    let number = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    let reader = try PipeReader(adopting: PassedDescriptor(owning: number))
    let fields = String(decoding: try await reader.readToEnd(limit: 1000), as: UTF8.self).split(separator: " ")
    return Int(fields[1])! * 4096
}
