import IPCSystem
import Synchronization

/// Writes what workers say on standard error to that of this process, on a thread of its own: whoever reads it may be
/// slow, and nothing else shall wait for that.
final class StandardErrorForwarder: Sendable {
    static let shared = StandardErrorForwarder()
    /// Bytes that wait at most; what comes beyond is left out.
    private static let capacity = 1 << 20
    /// Nanoseconds without work after which the thread ends.
    private static let idleLimit: UInt64 = 5_000_000_000

    private struct State {
        var waiting: [UInt8] = []
        var leftOut = 0
        var hasThread = false
    }

    private let state = Lock(State())
    /// Counts what was brought, so that the thread can sleep.
    private let brought = FutexWord()

    func forward(_ bytes: [UInt8]) {
        let mustStart = state.withLock { state in
            if state.waiting.count + bytes.count <= Self.capacity {
                state.waiting += bytes
            } else {
                state.leftOut += bytes.count
            }
            defer { state.hasThread = true }
            return !state.hasThread
        }
        _ = brought.add(1)
        brought.wake()
        // Without a thread what was brought waits for the next attempt.
        if mustStart, (try? SystemThread.start("ipc-stderr", { self.run() })) == nil {
            state.withLock { $0.hasThread = false }
        }
    }

    /// Ends when there has been nothing to write for a while.
    private func run() {
        var goesOn = true
        while goesOn {
            let seen = brought.value
            let (bytes, leftOut) = state.withLock { state in
                defer {
                    state.waiting = []
                    state.leftOut = 0
                }
                return (state.waiting, state.leftOut)
            }
            write(bytes)
            if leftOut > 0 { write(Array("(\(leftOut) bytes of workers' standard error are left out)\n".utf8)) }
            if bytes.isEmpty && leftOut == 0 {
                brought.wait(while: seen, until: MonotonicClock.nanoseconds + Self.idleLimit)
                goesOn = state.withLock { state in
                    state.hasThread = !state.waiting.isEmpty || state.leftOut > 0 || brought.value != seen
                    return state.hasThread
                }
            }
        }
    }

    private func write(_ bytes: [UInt8]) {
        var offset = 0
        while offset < bytes.count {
            do throws(SystemCallError) {
                let rest = unsafe bytes.span.bytes.extracting(offset...)
                let count = try unsafe rest.withUnsafeBytes { rest throws(SystemCallError) in
                    try unsafe DescriptorCalls.write(2, rest)
                }
                // Somebody made it non-blocking, and it is full.
                if count == nil { FutexWord().wait(while: 0, until: MonotonicClock.nanoseconds + 1_000_000) }
                offset += count ?? 0
            } catch {
                return
            }
        }
    }
}
