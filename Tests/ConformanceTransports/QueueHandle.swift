import IPCTestKit
import Synchronization

/// A handle of a queue: any number of them stand before one place, and none sees the others come or go.
final class QueueHandle: Channel, ByteChannel {
    let guarantees: ChannelGuarantees
    private let entrance: InProcessChannel
    private let exit: InProcessChannel
    private let isFinished = Atomic<Bool>(false)
    private let isClosed = Atomic<Bool>(false)

    init(_ entrance: InProcessChannel, _ exit: InProcessChannel) {
        self.entrance = entrance
        self.exit = exit
        guarantees = entrance.guarantees.ofAQueue
    }

    private func check(sending: Bool) throws(IPCError) {
        if isClosed.load(ordering: .acquiring) { throw IPCError(.closed, "this handle was closed") }
        if sending && isFinished.load(ordering: .acquiring) { throw IPCError(.finished, "this handle has finished") }
    }

    /// Waits in slices, so that the handle can be closed while the queue stays.
    private func waiting<Result>(
        _ deadline: Deadline, sending: Bool, _ body: (Deadline) async throws(IPCError) -> Result
    ) async throws(IPCError) -> Result {
        while true {
            try check(sending: sending)
            do {
                return try await body(min(deadline, .after(.milliseconds(5))))
            } catch {
                if error.code != .timedOut || deadline.hasPassed { throw error }
            }
        }
    }

    func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        try await waiting(deadline, sending: true) { slice throws(IPCError) in
            try await entrance.send(message, until: slice)
        }
    }

    func trySend(_ message: [UInt8]) throws(IPCError) -> Bool {
        try check(sending: true)
        return try entrance.trySend(message)
    }

    func finish(until deadline: Deadline) async throws(IPCError) { isFinished.store(true, ordering: .releasing) }

    func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        try await waiting(deadline, sending: false) { slice throws(IPCError) in try await exit.receive(until: slice) }
    }

    func tryReceive() throws(IPCError) -> Received<[UInt8]> {
        try check(sending: false)
        return try exit.tryReceive()
    }

    func close() { isClosed.store(true, ordering: .releasing) }
}

/// The forms, each by the plain one.
extension QueueHandle {
    func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try await send([UInt8](bytes), until: deadline)
    }

    func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool { try trySend([UInt8](bytes)) }

    func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        do {
            try check(sending: true)
        } catch {
            throw .channel(error)
        }
        try await entrance.send(byteCount: byteCount, until: deadline, initializingWith: body)
    }

    func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        try await entrance.send(contentsOf: bytes, messageSize: messageSize, until: deadline)
    }

    func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError) {
        do {
            try check(sending: true)
        } catch {
            throw BatchError(sentCount: 0, error: error)
        }
        try await entrance.send(contentsOf: messages, until: deadline)
    }

    func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        try await exit.receive(until: deadline, body)
    }

    func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        try exit.tryReceive(body)
    }

    func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        try await exit.receive(upTo: maximumCount, until: deadline, into: body)
    }
}

extension ChannelGuarantees {
    var ofAQueue: ChannelGuarantees {
        var copy = self
        copy.topology = .queue
        copy.detectsPeerDeath = false
        copy.tellsFinishFromDeath = false
        return copy
    }
}
