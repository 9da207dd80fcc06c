import IPCSystem
import Synchronization

/// Waiting for a message without receiving it, which can be ended from outside: for servers that are to leave, and may do so
/// between two requests of a client.
///
/// It costs no task and no cancellation handler: the one who ends it sets a flag and gives a hint to whoever waits.
extension StreamReceiver {
    /// Waits until there is something to receive: bytes of a message, an end or an error.
    ///
    /// - Returns: false when there is nothing and the waiting was ended (``StreamDescriptor/endIdling()``). Before the first
    ///   message was received true, at once: that one is not waited for here.
    package func waitWhileIdle(until deadline: Deadline) async throws(IPCError) -> Bool {
        if mayHoldMessage.load(ordering: .relaxed) { return true }
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "wait for a message", engine: stream.engine) }
        do throws(IPCError) {
            var isThere = !hasBegun
            if !isThere && !isKnownToBeEmpty { isThere = try look() }
            while !isThere && !stream.isIdlingOver {
                isThere = try spinning.lookAgain(stream.engine) { () throws(IPCError) in try lookOnce() } ?? false
                guard !isThere else { break }
                if stream.registration.readable.willLast { buffer.releaseIfEmpty() }
                try await stream.registration.waitReadable(until: deadline, "wait for a message")
                if lock.isClosed { throw .closed("wait for a message") }
                isThere = try look()
            }
            // What came in the very instant is served.
            if !isThere { isThere = try look() }
            if isThere && spinning.takesBreak() { await Task.yield() }
            release()
            return isThere
        } catch {
            release()
            throw error
        }
    }

    /// One read, unless something is there already. What is wrong with what comes is for whoever receives it.
    private func look() throws(IPCError) -> Bool {
        guard ending == nil, buffer.count == 0 else { return true }
        do throws(IPCError) {
            guard try read() != nil else { return false }
        } catch {
            ending = .failed(error)
            isBreakUnreported = true
            return true
        }
        mayHoldMessage.store(true, ordering: .relaxed)
        return true
    }

    private func lookOnce() throws(IPCError) -> Bool? { try look() ? true : nil }
}
