import IPCSystem
import Synchronization

/// Calls on files may wait for a disk and cannot be told not to: they run here, one after the other, on a thread of this
/// library that starts with the first of them and stays.
package final class FileThread: Sendable {
    package static let shared = FileThread()

    private struct State {
        var calls: [@Sendable () -> Void] = []
        var hasStarted = false
    }

    private let state = Lock(State())
    /// Counts the calls that came, for the thread to sleep on.
    private let arrivals = FutexWord()

    /// Runs `call` on the thread. It is not interrupted by cancellation.
    ///
    /// - Throws: what `call` throws; `.resourceExhausted` when the thread cannot be started.
    package func run<Value: Sendable>(
        _ doing: StaticString, _ call: @escaping @Sendable () -> Result<Value, IPCError>
    ) async throws(IPCError) -> Value {
        try start(doing)
        let result: Result<Value, IPCError> = unsafe await withUnsafeContinuation { continuation in
            state.withLock {
                $0.calls.append {
                    let result = call()
                    SanitizerHints.handsOver(self)
                    unsafe continuation.resume(returning: result)
                }
            }
            _ = arrivals.add(1)
            arrivals.wake()
        }
        SanitizerHints.takesOver(self)
        return try result.get()
    }

    private func start(_ doing: StaticString) throws(IPCError) {
        try state.withLock { state throws(IPCError) in
            guard !state.hasStarted else { return }
            try mapping("\(doing)") { () throws(SystemCallError) in
                try SystemThread.start("ipc-files") { self.serve() }
            }
            state.hasStarted = true
        }
    }

    private func serve() {
        while true {
            let seen = arrivals.value
            let calls = state.withLock { state in
                defer { state.calls = [] }
                return state.calls
            }
            for call in calls { call() }
            if calls.isEmpty { arrivals.wait(while: seen) }
        }
    }
}
