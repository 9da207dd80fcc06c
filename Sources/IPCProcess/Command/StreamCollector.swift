import IPCPipes

/// Reads a stream of a program to its end, or until its task is cancelled, which here means that the program has ended:
/// then what is in the pipe is taken, and whoever else still has the pipe open is not waited for.
struct StreamCollector {
    private let reader: PipeReader
    private let limit: Int
    private let onTooMuch: @Sendable () -> Void

    init(_ reader: PipeReader, limit: Int, onTooMuch: @escaping @Sendable () -> Void) {
        self.reader = reader
        self.limit = limit
        self.onTooMuch = onTooMuch
    }

    func collect() async -> Result<[UInt8], IPCError> {
        var bytes: [UInt8] = []
        do {
            while let chunk = try await reader.receive(until: .never) {
                try append(chunk, to: &bytes)
            }
            return .success(bytes)
        } catch {
            return error.isCancellation ? drain(bytes) : .failure(error)
        }
    }

    /// The most that a pipe can hold, by the system's default limit: 1 MiB.
    private let largestCapacity = 1 << 20

    /// Takes what the pipe holds, but no more than it can hold at once: a process left in the background may write on.
    private func drain(_ collected: [UInt8]) -> Result<[UInt8], IPCError> {
        var bytes = collected
        do {
            var room = largestCapacity
            while room > 0, case .message(let chunk) = try reader.tryReceive() {
                try append(chunk, to: &bytes)
                room -= chunk.count
            }
            return .success(bytes)
        } catch {
            return .failure(error)
        }
    }

    private func append(_ chunk: [UInt8], to bytes: inout [UInt8]) throws(IPCError) {
        guard chunk.count <= limit - bytes.count else {
            onTooMuch()
            throw IPCError(
                .outputTooLarge, "collect the output of a program: it wrote more than \(limit) bytes; raise the limit")
        }
        bytes += chunk
    }
}
