import IPCSystem

extension SpinPolicy {
    /// Looks again before a sleep, in the way that pays here: by spinning, or by yielding the processor. After something
    /// was found, ask ``takesBreak()``.
    ///
    /// - Returns: what `attempt` came back with; nil when it is time to sleep.
    package mutating func lookAgain<Value, Failure: Error>(
        _ engine: WaitEngine, _ attempt: () throws(Failure) -> Value?
    ) throws(Failure) -> Value? {
        switch way(engine) {
        case .sleep:
            return nil
        case .spin:
            let limit = MonotonicClock.nanoseconds + Self.limit
            var found: Value?
            repeat { found = try attempt() } while found == nil && MonotonicClock.nanoseconds < limit
            record(found != nil)
            if found != nil { countHit(engine) }
            return found
        case .yield:
            for _ in 0..<Self.yieldCount {
                let before = MonotonicClock.nanoseconds
                ProcessorHint.yield()
                let isLong = MonotonicClock.nanoseconds - before > Self.longYield
                let found = try attempt()
                if isLong {
                    stop()
                    return found
                }
                guard found == nil else {
                    record(true)
                    countHit(engine)
                    return found
                }
            }
            record(false)
            return nil
        }
    }
}
