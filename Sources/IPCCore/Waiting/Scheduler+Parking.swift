import IPCSystem
import Synchronization

/// How workers sleep, and who wakes them.
extension Scheduler {
    /// Sleeps until there is work, or nobody polls.
    func park() {
        parked.add(1, ordering: .sequentiallyConsistent)
        while true {
            let available = permits.value
            if available > 0 {
                if permits.exchange(expected: available, desired: available - 1) { break }
            } else if hasSharedWork || pollState.load(ordering: .sequentiallyConsistent) == PollState.nobody && isIdle {
                break
            } else {
                permits.wait(while: 0)
            }
        }
        parked.subtract(1, ordering: .sequentiallyConsistent)
    }

    /// Whether no worker runs a job, so that the one that is about to park must poll instead.
    private var isIdle: Bool { parked.load(ordering: .sequentiallyConsistent) == workers.count }

    /// Wakes a parked worker, if there is one that has not been woken yet.
    func wakeOne() {
        while true {
            let available = permits.value
            guard parked.load(ordering: .sequentiallyConsistent) > Int(available) else { return }
            if permits.exchange(expected: available, desired: available + 1) { return permits.wake(1) }
        }
    }

    /// Sees to it that some worker looks for work.
    func wakeForWorkFromOutside() {
        if parked.load(ordering: .sequentiallyConsistent) > 0 {
            wakeOne()
        } else if pollState.load(ordering: .sequentiallyConsistent) == PollState.sleeping {
            interruptPoll()
        }
        // Otherwise every worker runs: the first that is done takes it, and the monitor looks after long jobs. So it does
        // when the worker that was woken for an earlier job has not come to take this one too.
        monitor.wakeIfAsleep()
    }

    private func interruptPoll() {
        var one: UInt64 = 1
        unsafe withUnsafeBytes(of: &one) { bytes in
            // A counter that is full has woken the poller already.
            _ = try? unsafe DescriptorCalls.write(wakeNumber, bytes)
        }
    }
}
