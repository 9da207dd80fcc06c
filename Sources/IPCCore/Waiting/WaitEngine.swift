import IPCSystem
import Synchronization

/// The one waiting mechanism: a poller, a heap of deadlines, a list of recent waits, and the threads that serve them.
///
/// There is one for the process (``shared``); tests make others. Its threads start with the first wait and stay.
package final class WaitEngine: Sendable {
    /// The engine of the process.
    package static let shared = WaitEngine(workerCount: max(2, ProcessFacts.usableProcessors), spins: nil)

    let pollerNumber: Int32
    let table = RegistrationTable()
    let timers = TimerHeap()
    let recent = RecentWaits()
    let monitor: Monitor
    package let scheduler: Scheduler
    private let ownExecutor = Lock<IPCExecutor?>(nil)
    /// The workers as an executor of tasks: one object, because the runtime compares executors by identity.
    package var executor: IPCExecutor {
        ownExecutor.withLock {
            let executor = $0 ?? IPCExecutor(engine: self)
            $0 = executor
            return executor
        }
    }
    /// Whether a receive may spin before it sleeps: there is a second processor.
    package let maySpin: Bool

    private let hasStarted = Atomic<Bool>(false)
    private let starting = Lock(())

    /// An engine of `workerCount` workers. `spins` overrides whether receives spin.
    package init(workerCount: Int, spins: Bool?) {
        let wake: OwnedDescriptor
        do throws(SystemCallError) {
            pollerNumber = try EpollCalls.create().release()
            wake = try DescriptorCalls.makeEvent()
            try EpollCalls.add(wake.number, to: pollerNumber, events: EpollCalls.readable, data: .max)
        } catch {
            // Nothing of this library works without: the process has no descriptor or no memory left at its start.
            fatalError("swift-ipc cannot make its poller: \(error.call.rawValue) failed with errno \(error.errno)")
        }
        maySpin = spins ?? (ProcessFacts.usableProcessors > 1)
        monitor = Monitor()
        scheduler = Scheduler(
            workerCount: workerCount, poller: pollerNumber, wakeNumber: wake.release(), table: table, monitor: monitor)
    }

    /// Starts the threads unless they run.
    package func start() {
        if hasStarted.load(ordering: .acquiring) { return }
        starting.withLock { _ in
            guard !hasStarted.load(ordering: .relaxed) else { return }
            let executor = executor
            do throws(SystemCallError) {
                for worker in scheduler.workers {
                    try SystemThread.start("ipc-worker-\(worker.index)") {
                        self.scheduler.run(worker, on: executor)
                    }
                }
                try SystemThread.start("ipc-monitor") {
                    self.monitor.run(timers: self.timers, recent: self.recent, scheduler: self.scheduler)
                }
            } catch {
                fatalError("swift-ipc cannot start its threads: errno \(error.errno)")
            }
            hasStarted.store(true, ordering: .releasing)
        }
    }

    /// A registration for `descriptor`, which is not polled before somebody waits.
    package func register(_ descriptor: Int32) throws(IPCError) -> Registration {
        try table.take(for: descriptor, engine: self)
    }

    /// Ends a registration. Nobody may wait on it, and the descriptor must still be open.
    package func unregister(_ registration: Registration) {
        table.give(registration)
    }

    /// A wait point that belongs to no descriptor.
    package func makeWaitPoint() -> WaitPoint { WaitPoint(engine: self) }

    func arm(_ point: WaitPoint, at instant: UInt64) {
        start()
        if timers.arm(point, at: instant) { monitor.wake(before: instant) }
    }

    func list(_ point: WaitPoint) {
        start()
        if recent.list(point) { monitor.wakeIfAsleep() }
    }
}
