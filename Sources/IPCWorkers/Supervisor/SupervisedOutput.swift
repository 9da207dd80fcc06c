import IPCPipes
import IPCSystem

/// Reads what a child writes: passes it on line by line after its name, and keeps the end.
final class SupervisedOutput: Sendable {
    /// A line that is longer is passed on in pieces.
    private static let longestLine = 8192
    private static let tailSize = 4096

    private let reader: PipeReader
    private let excerpt = Lock(ErrorExcerpt(tailSize: tailSize))
    private let bell = ChangeBell()
    private let isOver = Lock(false)

    /// - Parameter prefix: nil: nothing is passed on.
    init(_ reader: PipeReader, prefix: String?) {
        self.reader = reader
        Task(executorPreference: IPCExecutor.shared) { [self] in
            var line: [UInt8] = []
            while let bytes = try? await reader.receive() {
                excerpt.withLock { $0.append(bytes) }
                guard let prefix else { continue }
                for byte in bytes {
                    line.append(byte)
                    if byte == UInt8(ascii: "\n") || line.count >= Self.longestLine { Self.pass(&line, prefix) }
                }
            }
            if let prefix, !line.isEmpty { Self.pass(&line, prefix) }
            isOver.withLock { $0 = true }
            bell.ring()
        }
    }

    private static func pass(_ line: inout [UInt8], _ prefix: String) {
        if line.last != UInt8(ascii: "\n") { line.append(UInt8(ascii: "\n")) }
        StandardErrorForwarder.shared.forward(Array("[\(prefix)] ".utf8) + line)
        line = []
    }

    /// What was written, in short, after the child's death. Processes that it left may hold the pipe open, so this does not
    /// wait for long.
    func finish() async -> String {
        _ = try? await bell.wait(until: .after(.milliseconds(200)), "read the end of a child's output") {
            isOver.withLock { $0 } ? () : nil
        }
        reader.close()
        return excerpt.withLock { $0 }.text
    }
}
