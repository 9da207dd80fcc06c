import IPCCore
import IPCSystem

/// Waiting for a message: a few microseconds awake, then asleep.
extension RingReceiver {
    func spin() throws(IPCError) -> Progress {
        guard spins, unsafe spinning.shouldSpin(link.stream.engine) else { return .blocked }
        // Most waits are over before the clock would have told the time.
        var limit = UInt64.max
        let word = lane.word(slotPosition)
        let lap = lane.lap(slotPosition)
        var isThere = false
        var isOver = false
        repeat {
            var count = 32
            repeat {
                isThere = RingWord(rawValue: word.loadRelaxed()).isOfLap(lap)
                if isThere { break }
                ProcessorHint.pause()
                count &-= 1
            } while count > 0
            if isThere { break }
            let now = MonotonicClock.nanoseconds
            if limit == .max { limit = now + RingSpin.limit }
            isOver = now >= limit
        } while !isOver
        unsafe spinning.record(isThere)
        wasWaitedFor = true
        return try look()
    }

    /// One sleep: until the bell rings, the peer hangs up, or the wait is over.
    func sleep(until deadline: Deadline) async throws(IPCError) -> Progress {
        wasWaitedFor = true
        lane.receiverBell.announce()
        let progress: Progress
        do throws(IPCError) {
            progress = try look()
        } catch {
            lane.receiverBell.withdraw()
            throw error
        }
        guard progress == .blocked else {
            lane.receiverBell.withdraw()
            return progress
        }
        let point = link.stream.registration.readable
        if point.willLast { scratch.release(unlessKeeping: assembly != nil) }
        do throws(IPCError) {
            try await point.wait(until: deadline, "receive")
        } catch {
            lane.receiverBell.withdraw()
            throw error
        }
        lane.receiverBell.withdraw()
        if lock.isClosed { throw .closed("receive") }
        link.answer()
        return try look()
    }
}
