public import Synchronization

/// Forces system calls to fail, for tests. Compiled into debug builds alone; the cost there is one relaxed load a call.
@usableFromInline
package enum FaultInjection {
    /// Which calls fail: those named `call` (nil: any), from the `first`-th on that matches, `count` times.
    package struct Fault: Sendable {
        package var call: SystemCall?
        package var errno: Int32
        package var first: Int
        package var count: Int

        package init(_ call: SystemCall?, errno: Int32, first: Int = 1, count: Int = 1) {
            self.call = call
            self.errno = errno
            self.first = first
            self.count = count
        }
    }

    private struct State {
        var faults: [Fault] = []
        var hits = 0
        var calls = 0
    }

    @usableFromInline static let isArmed = Atomic<Bool>(false)
    private static let state = Lock(State())

    /// Runs `body` with `faults` in force for the whole process. Tests that use it do not run in parallel.
    package static func with<Result, Failure: Error>(
        _ faults: [Fault], _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        state.withLock { $0 = State(faults: faults) }
        isArmed.store(true, ordering: .sequentiallyConsistent)
        defer {
            isArmed.store(false, ordering: .sequentiallyConsistent)
            state.withLock { $0.faults = [] }
        }
        return try await body()
    }

    /// How many calls were made to fail, and how many calls were seen, since the last `with` began.
    package static var tally: (failed: Int, seen: Int) { state.withLock { ($0.hits, $0.calls) } }

    /// The errno to fail this call with, if a fault asks for it.
    @inlinable
    @inline(__always)
    package static func take(_ call: SystemCall) -> Int32? {
        isArmed.load(ordering: .relaxed) ? takeArmed(call) : nil
    }

    @usableFromInline
    @inline(never)
    static func takeArmed(_ call: SystemCall) -> Int32? {
        state.withLock { state in
            state.calls += 1
            for index in state.faults.indices {
                let fault = state.faults[index]
                guard fault.call == nil || fault.call == call, fault.count > 0 else { continue }
                if fault.first > 1 {
                    state.faults[index].first -= 1
                    continue
                }
                state.faults[index].count -= 1
                state.hits += 1
                return fault.errno
            }
            return nil
        }
    }
}
