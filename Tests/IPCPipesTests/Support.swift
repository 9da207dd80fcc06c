import IPCPipes
import IPCProcess
import IPCSystem
import Testing

/// A folder of its own for `body`, with the mode 0700 or as told, removed with what is in it.
func withFolder<Result>(
    mode: UInt32 = 0o700, _ body: (String) async throws -> Result
) async throws -> Result {
    let path = "/tmp/ipc-pipes-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))"
    try FileCalls.makeDirectory(path, permissions: 0o700)
    try FileCalls.setPermissions(at: path, mode)
    do {
        let result = try await body(path)
        _ = try? await Command("rm", "-rf", path).output()
        return result
    } catch {
        _ = try? await Command("rm", "-rf", path).output()
        throw error
    }
}

/// A shell that runs `script` with `arguments` as $1, $2, …
func shell(_ script: String, _ arguments: String...) -> Command {
    Command("sh", arguments: ["-c", script, "sh"] + arguments)
}

/// The code of the error that `body` throws; nil when it throws none.
func code(_ body: () async throws -> Void) async -> IPCError.Code? {
    do {
        try await body()
        return nil
    } catch let error as IPCError {
        return error.code
    } catch let error as SpliceError {
        return error.error.code
    } catch {
        Issue.record("not an error of this library: \(error)")
        return nil
    }
}

/// Bytes that differ from place to place.
func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 31 &+ ($0 >> 8)) }
}

/// Writes raw bytes to a descriptor that is a pipe, waiting as needed.
func writeRaw(_ bytes: [UInt8], to writer: PipeWriter) async throws {
    try await writer.write(bytes)
}

/// A reader with `options` and a writer of bytes at the other end: a program that speaks the protocol by itself.
func makeRawWriterPipe(_ options: PipeOptions) throws -> (reader: PipeReader, raw: PipeWriter) {
    let ends = try DescriptorCalls.makePipe()
    return (
        try PipeReader(OwnedDescriptor(owning: ends.reading), options),
        try PipeWriter(OwnedDescriptor(owning: ends.writing), PipeOptions(framing: .bytes))
    )
}

/// The bytes of a frame, and of the hello before the first.
func hello(version: UInt16 = 1, magic: String = "swiftIPC") -> [UInt8] {
    Array(magic.utf8) + little(UInt64(version), 8)
}

func frame(_ payload: [UInt8], length: UInt64? = nil, kind: UInt8 = 1, flags: UInt8 = 0) -> [UInt8] {
    little(length ?? UInt64(payload.count), 8) + [kind, flags, 0, 0, 0, 0, 0, 0] + payload
}

private func little(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
}

/// Repeats `body` until it throws, and returns the code. A child that is being started by another test holds copies of
/// all descriptors until its exec, so that an end that was closed here may live on for a moment.
func eventualCode(_ body: () async throws -> Void) async throws -> IPCError.Code {
    for _ in 0..<5000 {
        if let code = await code(body) { return code }
        try await Task.sleep(for: .milliseconds(1))
    }
    throw IPCError(.timedOut, "it never threw")
}
