import IPCCore
import IPCSystem

/// Sending work to share where a full mailbox refuses a message.
///
/// Where the oldest messages go for the new one (`SendingRule.dropsOldest`), that is one turn with the lock: those that must go,
/// go, and the new one has their room, unless all of them together would not be enough. Then the sender waits for room as
/// others do, and for what it may drop: messages that are given back, or that somebody has written to their end.
extension SharedQueue {
    /// Sends if there is room. False when there is none.
    ///
    /// - Throws: as `send`; `.timedOut` and `.cancelled` of a wait for the lock.
    func attempt(_ bytes: RawSpan, _ label: QueueLabel, until deadline: Deadline) async throws(IPCError) -> Bool {
        let blocks = try check(bytes.byteCount, label)
        try core.checkSending()
        let turn = try await core.acquire(until: deadline, "send")
        switch try core.offer(bytes, label, blocks: blocks, counts: false, turn) {
        case .sent, .offered: return true
        case .full: return false
        case .reserved(let place):
            core.write(bytes, to: place)
            do throws(IPCError) {
                _ = try core.publish(place, try await core.acquire(until: deadline, "send"))
            } catch {
                await core.settle(place, .withdrawn, waits: false)
                throw error
            }
            return true
        }
    }

    /// The same on a thread that may block.
    func attemptBlocking(_ bytes: RawSpan, _ label: QueueLabel, until deadline: Deadline) throws(IPCError) -> Bool {
        let blocks = try check(bytes.byteCount, label)
        try core.checkSending()
        let turn = try core.acquireBlocking(until: deadline, "send")
        switch try core.offer(bytes, label, blocks: blocks, counts: false, turn) {
        case .sent, .offered: return true
        case .full: return false
        case .reserved(let place):
            core.write(bytes, to: place)
            do throws(IPCError) {
                _ = try core.publish(place, try core.acquireBlocking(until: deadline, "send"))
            } catch {
                core.settleLater(place, .withdrawn)
                throw error
            }
            return true
        }
    }
}
