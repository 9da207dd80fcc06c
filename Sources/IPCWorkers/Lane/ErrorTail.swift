import IPCSystem
import Synchronization

/// Reads the standard error of a worker, keeps what tells why it died, and passes it on.
final class ErrorTail: Sendable {
    private struct State {
        var excerpt: ErrorExcerpt
        var isOver = false
    }

    private let reader: PipeReader
    private let state: Lock<State>
    private let ended = WaitEngine.shared.makeWaitPoint()

    init(_ reader: PipeReader, size: Int, forwards: Bool) {
        self.reader = reader
        state = Lock(State(excerpt: ErrorExcerpt(tailSize: size)))
        Task(executorPreference: IPCExecutor.shared) { [self] in await read(forwards) }
    }

    private func read(_ forwards: Bool) async {
        while let bytes = try? await reader.receive() {
            state.withLock { $0.excerpt.append(bytes) }
            if forwards { StandardErrorForwarder.shared.forward(bytes) }
        }
        state.withLock { $0.isOver = true }
        ended.signal()
    }

    /// Beginning and end of what the worker wrote, after its death. Processes that it left behind may hold the pipe open, so this
    /// waits for what is in the pipe, but not for long.
    func finish() async -> String {
        let deadline = Deadline.after(.milliseconds(200))
        while !state.withLock({ $0.isOver }) {
            do throws(IPCError) {
                try await ended.wait(until: deadline, "read the end of a worker's standard error")
            } catch {
                break
            }
        }
        reader.close()
        return state.withLock { $0.excerpt }.text
    }
}
