import IPCProcess
import IPCSystem

/// `pipe-first-writer PATH`: the first writer of a FIFO comes, writes and leaves between a reader's read, which finds
/// nobody, and its look at whether that was the end. Its bytes are there, and then the end, whatever way one reads.
///
/// A read that is made to answer 0 stands for the one that came too early.
func firstWriter(_ arguments: [String]) async throws -> Int32 {
    let path = arguments[0]
    try await afterEarlyRead(path, .messages) { reader in
        let message = try await reader.receive()
        try require(message == [1, 2, 3], "receive: \(message as Any)")
        let end = try await reader.receive()
        try require(end == nil, "receive: \(end as Any)")
    }
    try await afterEarlyRead(path, .messages) { reader in
        guard case .message([1, 2, 3]) = try reader.tryReceive() else { throw Wrong("tryReceive found no message") }
        guard case .finished = try reader.tryReceive() else { throw Wrong("tryReceive found no end") }
    }
    try await afterEarlyRead(path, .bytes) { reader in
        let bytes = try await reader.readToEnd(limit: 10)
        try require(bytes == [1, 2, 3], "readToEnd: \(bytes)")
    }
    for call in [SystemCall.splice, .tee] {
        let (copy, writer) = try AnonymousPipe.make(options: PipeOptions(framing: .bytes))
        try await afterEarlyRead(path, .bytes, call) { reader in
            try await move(call, from: reader, to: writer)
        }
        writer.close()
        let bytes = try await copy.readToEnd(limit: 10)
        try require(bytes == [1, 2, 3], "\(call): \(bytes)")
    }
    return 0
}

/// A function of its own: the optimizer of Swift 6.3.1 crashes on a closure that awaits one of two calls.
private func move(_ call: SystemCall, from reader: PipeReader, to writer: PipeWriter) async throws {
    if call == .splice {
        try require(try await reader.splice(to: writer, byteCount: 10) == 3, "splice")
    } else {
        try require(try await reader.tee(to: writer, byteCount: 10) == 3, "tee")
    }
}

private func afterEarlyRead(
    _ path: String, _ framing: PipeFraming, _ call: SystemCall = .read, _ body: (PipeReader) async throws -> Void
) async throws {
    let pipe = try NamedPipe(path, .create)
    defer { pipe.remove() }
    let reader = try pipe.openReader(options: PipeOptions(framing: framing))
    guard let writer = try pipe.tryOpenWriter(options: PipeOptions(framing: framing)) else {
        throw Wrong("nobody reads")
    }
    try await writer.send([1, 2, 3])
    try await writer.finish()
    try await FaultInjection.with([FaultInjection.Fault(call, errno: 0)]) { try await body(reader) }
    try require(FaultInjection.tally.failed == 1, "\(call) was not made to answer 0")
}
