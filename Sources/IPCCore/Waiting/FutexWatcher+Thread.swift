import IPCSystem
import Synchronization

/// The life of the threads that sleep on words.
extension FutexWatcher {
    /// The shortest and the longest slice where the system refuses to sleep on several words, in nanoseconds.
    private static let shortestSlice: UInt64 = 1_000_000
    private static let longestSlice: UInt64 = 20_000_000

    func run(_ index: Int, _ control: FutexWord) {
        var wake = WatchedWords.Wake.changed
        var slice = Self.shortestSlice
        while true {
            // Read before the plan is made: whoever changes the plan afterwards changes this word.
            let call = control.value
            let now = MonotonicClock.nanoseconds
            var plan = state.withLock { [wake] in $0.plan(index, after: wake, now: now) }
            for wait in plan.due { wait.point.signal() }
            if plan.lateFinds > 0 { unannounced.wrappingAdd(plan.lateFinds, ordering: .relaxed) }
            for word in plan.toPassOn { SharedFutexCalls.wake(word, 1) }
            if !plan.due.isEmpty { slice = Self.shortestSlice }
            // The sleep must not keep alive what nobody waits on any more.
            plan.due = []
            plan.kept = []
            wake = sleep(plan, control, call, &slice)
        }
    }

    /// Sleeps until there is a reason to look.
    private func sleep(
        _ plan: WatchedWords.Plan, _ control: FutexWord, _ call: UInt32, _ slice: inout UInt64
    ) -> WatchedWords.Wake {
        if !isRefused.load(ordering: .relaxed) {
            var words = [SharedFutexCalls.Expectation(control.view, is: call, isPrivate: true)]
            for watched in plan.words { words.append(SharedFutexCalls.Expectation(watched.word, is: watched.expected)) }
            do throws(SystemCallError) {
                switch try SharedFutexCalls.wait(whileAll: words, until: plan.limit) {
                case .woken(let position) where position > 0: return .woken(plan.words.prefix(position).map(\.word))
                case .woken, .changed: return .changed
                case .timedOut: return .timedOut
                }
            } catch {
                if error.errno == Errno.notImplemented || error.errno == Errno.notPermitted {
                    isRefused.store(true, ordering: .relaxed)
                }
                // Whatever else it may be is no reason to spin.
            }
        }
        sleepSliced(plan, control, call, &slice)
        return .changed
    }

    /// Sleeps on the control word alone and looks at the others often, less often when nothing happens.
    private func sleepSliced(
        _ plan: WatchedWords.Plan, _ control: FutexWord, _ call: UInt32, _ slice: inout UInt64
    ) {
        guard !plan.words.isEmpty else { return control.wait(while: call) }
        control.wait(while: call, until: min(plan.limit, MonotonicClock.nanoseconds + slice))
        slice = control.value == call ? min(slice * 2, Self.longestSlice) : Self.shortestSlice
    }
}
