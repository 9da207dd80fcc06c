import IPCSystem

/// Looking again before a sleep, by whoever holds the lock. See `SpinPolicy`.
extension StreamReceiver {
    func lookAgain() throws(IPCError) -> Progress {
        let progress =
            switch spinning.way(stream.engine) {
            case .sleep: Progress.blocked
            case .spin: try spin()
            case .yield: try yield()
            }
        if progress != .blocked, spinning.isTurnOver() { spinning.recordTurn(stream.engine.scheduler.lookAround()) }
        return progress
    }

    private func yield() throws(IPCError) -> Progress {
        for _ in 0..<SpinPolicy.yieldCount {
            let before = MonotonicClock.nanoseconds
            ProcessorHint.yield()
            let isLong = MonotonicClock.nanoseconds - before > SpinPolicy.longYield
            let progress = try advance()
            if isLong {
                spinning.recordLongYield()
                return progress
            }
            if progress != .blocked {
                spinning.record(true)
                return progress
            }
        }
        spinning.record(false)
        return .blocked
    }

    private func spin() throws(IPCError) -> Progress {
        let limit = MonotonicClock.nanoseconds + SpinPolicy.limit
        var progress: Progress
        repeat { progress = try advance() } while progress == .blocked && MonotonicClock.nanoseconds < limit
        spinning.record(progress != .blocked)
        return progress
    }
}
