public import IPCCore
import IPCSystem

/// On the calling thread, which must not be one of Swift's own. `close` ends these calls with `.closed`, by the signal that
/// ``QueueWaits`` names.
extension POSIXMessageQueue {
    /// Sends the bytes as one message, and blocks while the queue is full. mq_send(3).
    ///
    /// - Throws: `.timedOut`; as ``send(_:labeled:until:)``; `.resourceExhausted` when the program uses all real-time signals.
    public func sendBlocking(_ bytes: RawSpan, labeled label: QueueLabel, until deadline: Deadline) throws(IPCError) {
        let priority = try check(bytes.byteCount, label)
        try calls.checkSending()
        // There mostly is room, which the call that need not be ended finds for less.
        try blockingCall("send", until: deadline, looksFirst: true) { number, blocks throws(IPCError) -> Bool? in
            let isSent = try unsafe bytes.withUnsafeBytes { bytes throws(IPCError) in
                do throws(SystemCallError) {
                    return blocks
                        ? try unsafe POSIXQueueCalls.sendInterruptibly(number, bytes, priority: priority)
                        : try unsafe POSIXQueueCalls.send(number, bytes, priority: priority)
                } catch {
                    throw IPCError(error, "send to a POSIX queue", object: name)
                }
            }
            return isSent ? true : nil
        }
    }

    /// Waits for the message with the highest priority, and blocks meanwhile. mq_receive(3).
    ///
    /// - Throws: `.timedOut`; as ``receive(_:until:_:)``; `.resourceExhausted` when the program uses all real-time signals.
    @inlinable
    public func receiveBlocking<Result, Failure: Error>(
        _ selection: QueueSelection, until deadline: Deadline,
        _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        let held: HeldMessage
        do throws(IPCError) {
            held = try takeBlocking(selection, until: deadline)
        } catch {
            throw .channel(error)
        }
        defer { giveBlocking(held) }
        do throws(Failure) {
            return try body(held.bytes, held.label)
        } catch {
            throw .body(error)
        }
    }

    @usableFromInline
    func takeBlocking(_ selection: QueueSelection, until deadline: Deadline) throws(IPCError) -> HeldMessage {
        try check(selection)
        let buffer = blockingBuffers.take()
        do throws(IPCError) {
            let taken = try blockingCall("receive", until: deadline, looksFirst: deadline != .never) {
                number, blocks throws(IPCError) -> Taken? in
                do throws(SystemCallError) {
                    return blocks
                        ? try unsafe POSIXQueueCalls.receiveInterruptibly(number, into: buffer.bytes)
                        : try unsafe POSIXQueueCalls.receive(number, into: buffer.bytes)
                } catch {
                    throw IPCError(error, "receive from a POSIX queue", object: name)
                }
            }
            return HeldMessage(buffer, count: taken.count, QueueLabel(priority: Int(taken.priority)))
        } catch {
            blockingBuffers.give(buffer)
            throw error
        }
    }

    @usableFromInline
    func giveBlocking(_ held: HeldMessage) { blockingBuffers.give(held.buffer) }

    /// Runs `attempt` until it comes back with something: if `looksFirst`, on the descriptor that does not block, and then
    /// on the one that does.
    @discardableResult
    @inline(__always)
    private func blockingCall<Value>(
        _ doing: StaticString, until deadline: Deadline, looksFirst: Bool,
        _ attempt: (Int32, Bool) throws(IPCError) -> Value?
    ) throws(IPCError) -> Value {
        try stream.withNumber(doing) { number throws(IPCError) in
            if looksFirst {
                if let value = try attempt(number, false) { return value }
                if deadline.hasPassed { throw .timedOut("\(doing)") }
            }
            let twin = try blocking.number(of: number, access, name)
            let call = try calls.begin(doing)
            defer { calls.end(call) }
            let value = try call.runBlocking(until: deadline, doing) { () throws(IPCError) in try attempt(twin, true) }
            if let value { return value }
            try calls.checkOpen(doing)
            throw .timedOut("\(doing)")
        }
    }
}
