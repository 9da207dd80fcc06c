import IPCSystem
import Synchronization

/// Reads the standard error of a worker, keeps its end, and passes it on.
final class ErrorTail: Sendable {
    private struct State {
        var tail: [UInt8] = []
        var isOver = false
    }

    private let reader: PipeReader
    private let size: Int
    private let state = Lock(State())
    private let ended = WaitEngine.shared.makeWaitPoint()

    init(_ reader: PipeReader, size: Int, forwards: Bool) {
        self.reader = reader
        self.size = max(0, size)
        Task(executorPreference: IPCExecutor.shared) { [self] in await read(forwards) }
    }

    private func read(_ forwards: Bool) async {
        while let bytes = try? await reader.receive() {
            state.withLock { state in
                state.tail += bytes
                if state.tail.count > size { state.tail.removeFirst(state.tail.count - size) }
            }
            if forwards { StandardErrorForwarder.shared.forward(bytes) }
        }
        state.withLock { $0.isOver = true }
        ended.signal()
    }

    /// The end of what the worker wrote, after its death. Processes that it left behind may hold the pipe open, so this
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
        let tail = state.withLock { $0.tail }
        return String(decoding: tail, as: UTF8.self).trimmingTrailingNewlines()
    }
}

extension String {
    fileprivate func trimmingTrailingNewlines() -> String {
        var text = Substring(self)
        while text.last?.isNewline == true { text.removeLast() }
        return String(text)
    }
}
