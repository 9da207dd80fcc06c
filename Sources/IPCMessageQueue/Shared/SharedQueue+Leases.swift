public import IPCCore

/// A message that was given out under a lease.
public struct LeasedMessage: Sendable, Hashable {
    /// What it says.
    public let payload: [UInt8]
    /// Its priority, its type and how often it has been given out.
    public let label: QueueLabel

    /// How often it has been given out, this time included: more than 1 where an earlier receiver failed.
    public var deliveryCount: Int { label.deliveryCount }
}

extension SharedQueue {
    /// Waits for a message that `selection` matches and runs `body` with it: it is received when `body` returns. When `body`
    /// throws or this process dies, it goes back to its old place, and among the dead letters instead when it has been given
    /// out ``SharedQueueOptions/maximumDeliveries`` times.
    ///
    /// The message takes its room in the queue meanwhile. Whoever receives must be ready to get one for the second time: its
    /// first receiver may have died after its work and before it could say so.
    ///
    /// ```swift
    /// try await jobs.withLease { job in
    ///     if job.deliveryCount > 1 { log("again: \(job.payload)") }
    ///     try await print(job.payload)
    /// }
    /// ```
    ///
    /// - Throws: ``ChannelBodyError/channel(_:)`` as ``receive(_:until:_:)``, when `body` did not run; or
    ///   ``ChannelBodyError/body(_:)``.
    public func withLease<Result, Failure: Error>(
        _ selection: QueueSelection = .any, until deadline: Deadline = .never,
        _ body: (LeasedMessage) async throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result {
        let lease: QueueCore.Lease
        do throws(IPCError) {
            lease = try await takeLease(selection, deadline)
        } catch {
            throw .channel(error)
        }
        let message = LeasedMessage(payload: core.contents(lease), label: lease.label)
        do throws(Failure) {
            let result = try await body(message)
            await core.settle(lease.place, .received)
            return result
        } catch {
            await core.settle(lease.place, .givenBack)
            throw .body(error)
        }
    }

    private func takeLease(_ selection: QueueSelection, _ deadline: Deadline) async throws(IPCError) -> QueueCore.Lease
    {
        try check(selection)
        var ticket: QueueCore.Ticket?
        while true {
            let turn = try await core.acquire(after: ticket, until: deadline, "receive")
            switch core.lease(selection, counts: true, turn) {
            case .large(let lease): return lease
            case .message: break
            case .empty(let next): ticket = next
            }
        }
    }

    /// ``withLease(_:until:_:)`` on the calling thread, which it blocks. Never call it in a task.
    public func withLeaseBlocking<Result, Failure: Error>(
        _ selection: QueueSelection = .any, until deadline: Deadline = .never,
        _ body: (LeasedMessage) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        let lease: QueueCore.Lease
        do throws(IPCError) {
            lease = try takeLeaseBlocking(selection, deadline)
        } catch {
            throw .channel(error)
        }
        let message = LeasedMessage(payload: core.contents(lease), label: lease.label)
        do throws(Failure) {
            let result = try body(message)
            core.settleBlocking(lease.place, .received)
            return result
        } catch {
            core.settleBlocking(lease.place, .givenBack)
            throw .body(error)
        }
    }

    private func takeLeaseBlocking(_ selection: QueueSelection, _ deadline: Deadline) throws(IPCError)
        -> QueueCore.Lease
    {
        try check(selection)
        var ticket: QueueCore.Ticket?
        while true {
            let turn = try core.acquireBlocking(after: ticket, until: deadline, "receive")
            switch core.lease(selection, counts: true, turn) {
            case .large(let lease): return lease
            case .message: break
            case .empty(let next): ticket = next
            }
        }
    }
}
