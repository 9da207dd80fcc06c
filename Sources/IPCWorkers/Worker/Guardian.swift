import IPCSystem
import Synchronization

/// A thread that looks after a worker's desk while its task takes long: every millisecond at first, every eighth later.
/// It sleeps when there are no tasks. A thread, because the task may block or burn every thread of Swift's.
final class Guardian: Sendable {
    private static let shortTick: UInt64 = 1_000_000
    private static let longTick: UInt64 = 8_000_000
    /// Ticks without a task after which it goes to sleep.
    private static let idleLimit = 50

    /// 1 while the thread looks, 0 while it sleeps.
    private let isAwake = FutexWord()
    /// Never changes: what the thread sleeps on between two ticks.
    private let tick = FutexWord()

    func start(_ service: WorkerService) throws(IPCError) {
        try mapping("start the guardian of a worker") { () throws(SystemCallError) in
            try SystemThread.start("ipc-guardian") { self.run(service) }
        }
    }

    /// Sees to it that the thread looks. Called after a task was noted as running.
    func wakeUp() {
        guard isAwake.value == 0 else { return }
        isAwake.store(1)
        isAwake.wake()
    }

    private func run(_ service: WorkerService) {
        while !service.desk.withLock({ $0.hasEnded && $0.running == nil }) {
            isAwake.wait(while: 0)
            watch(service)
        }
    }

    /// Looks until there has been nothing to see for a while.
    private func watch(_ service: WorkerService) {
        var lastStarted = UInt64.max
        var idleTicks = 0
        var stuckTicks = 0
        while true {
            let pause = stuckTicks < 16 ? Self.shortTick : Self.longTick
            tick.wait(while: 0, until: MonotonicClock.nanoseconds + pause)
            let (running, started) = service.desk.withLock { ($0.running, $0.startedCount) }
            if running != nil && started == lastStarted {
                stuckTicks += 1
                idleTicks = 0
                service.attend()
            } else {
                stuckTicks = 0
                idleTicks = started == lastStarted ? idleTicks + 1 : 0
            }
            lastStarted = started
            if idleTicks >= Self.idleLimit {
                isAwake.store(0)
                // Either this sees a task that was noted before, or the runner sees that nobody is awake.
                if service.desk.withLock({ $0.running == nil }) { return }
                isAwake.store(1)
            }
        }
    }
}
