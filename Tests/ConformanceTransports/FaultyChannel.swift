import IPCSystem
import IPCTestKit
import Synchronization

/// An end that breaks the contract in one way, or in none.
final class FaultyChannel<Base: Channel & ByteChannel>: Channel, ByteChannel
where Base.Inbound == [UInt8], Base.Outbound == [UInt8] {
    let base: Base
    let fault: Fault?
    let guarantees: ChannelGuarantees
    private let sends = Atomic<Int>(0)
    private let isClosed = Atomic<Bool>(false)
    /// Messages that were received and not yet delivered.
    private let kept = Lock<[[UInt8]]>([])
    private let onClose: @Sendable () -> Void

    init(
        _ base: Base, _ fault: Fault?, _ guarantees: ChannelGuarantees,
        onClose: @escaping @Sendable () -> Void
    ) {
        self.base = base
        self.fault = fault
        self.guarantees = guarantees
        self.onClose = onClose
    }

    // MARK: Sending

    private var drops: Bool {
        fault == .dropsMessages && sends.wrappingAdd(1, ordering: .relaxed).newValue == 100
    }

    func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        if drops || (fault == .dropsEmptyMessages && message.isEmpty) { return }
        if fault == .neverTriesLate && deadline.hasPassed { throw IPCError(.timedOut, "too late") }
        if fault == .interleaves && message.count > 1 {
            try await base.send(Array(message[..<(message.count / 2)]), until: deadline)
            return try await base.send(Array(message[(message.count / 2)...]), until: deadline)
        }
        do {
            try await base.send(message, until: deadline)
        } catch {
            let goesOutAnyway =
                fault == .sendsDespiteCancel && error.code == .cancelled
                || fault == .sendsDespiteDeadline && error.code == .timedOut
            if goesOutAnyway { Task { [base] in try? await base.send(message) } }
            if fault == .sendsAfterFinish && error.code == .finished { return }
            if fault == .hidesDeadPeer && error.code == .peerClosed { return }
            throw error
        }
    }

    func trySend(_ message: [UInt8]) throws(IPCError) -> Bool {
        try base.trySend(message)
    }

    func finish(until deadline: Deadline) async throws(IPCError) {
        if fault == .finishLooksLikeDeath { return base.close() }
        let sender: any SendChannel<[UInt8]> = base
        try await sender.finish(until: deadline)
    }

    func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try await send([UInt8](bytes), until: deadline)
    }

    func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool {
        try trySend([UInt8](bytes))
    }

    func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        do {
            try await base.send(byteCount: byteCount, until: deadline, initializingWith: body)
        } catch {
            if fault == .sendsWhatBodyRefused, case .body = error { try? await base.send([1], until: deadline) }
            throw error
        }
    }

    func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        try await base.send(contentsOf: bytes, messageSize: messageSize, until: deadline)
    }

    func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError) {
        do {
            try await base.send(contentsOf: messages, until: deadline)
        } catch {
            let isOff = fault == .miscountsBatches && error.error.code == .timedOut
            throw BatchError(sentCount: error.sentCount + (isOff ? 1 : 0), error: error.error)
        }
    }

    // MARK: Receiving

    func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        if fault == .neverTriesLate && deadline.hasPassed { throw IPCError(.timedOut, "too late") }
        if let message = kept.withLock({ $0.popLast() }) { return message }
        guard let message = try await receiveFromBase(deadline) else { return nil }
        switch fault {
        case .losesOnCancel, .sequenceLosesOnCancel:
            if Task.isCancelled { throw IPCError(.cancelled, "and the message is lost") }
        case .losesOnDeadline:
            if deadline.hasPassed { throw IPCError(.timedOut, "and the message is lost") }
        case .deliversTwice:
            if message.count % 5 == 0 { kept.withLock { $0.append(message) } }
        case .reorders:
            if case .message(let next)? = try? base.tryReceive() {
                kept.withLock { $0.append(message) }
                return next
            }
        case .mergesMessages:
            if case .message(let next)? = try? base.tryReceive() { return message + next }
        case .interleaves:
            if message.count > 0, let rest = try await base.receive(until: deadline) { return message + rest }
        default: break
        }
        return message
    }

    private func receiveFromBase(_ deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        do throws(IPCError) {
            if fault == .ignoresCancellation {
                let task = Task { [base] in
                    do throws(IPCError) {
                        return Result<[UInt8]?, IPCError>.success(try await base.receive(until: deadline))
                    } catch { return .failure(error) }
                }
                return try await task.value.get()
            }
            if fault == .closeWakesNobody {
                if isClosed.load(ordering: .relaxed) { throw IPCError(.closed, "closed") }
                return try await base.receive(until: deadline)
            }
            return try await base.receive(until: deadline)
        } catch {
            switch (fault, error.code) {
            case (.deathLooksLikeFinish, .peerClosed): return nil
            case (.deliversCutMessage, .truncated): return [1, 2, 3]
            case (.hidesCut, .truncated): throw IPCError(.peerClosed, "the other side is gone")
            case (.hidesLimit, .messageTooLarge): throw IPCError(.messageTooLarge, "receive: it is too large")
            case (.hidesWrongMagic, .wrongMagic): throw IPCError(.protocolViolation, "receive: it is wrong")
            default: throw error
            }
        }
    }

    func tryReceive() throws(IPCError) -> Received<[UInt8]> {
        let found = try base.tryReceive()
        if fault == .losesWhatTryFinds, case .message = found { return .empty }
        return found
    }

    func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        try await base.receive(until: deadline, body)
    }

    func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        try base.tryReceive(body)
    }

    func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        try await base.receive(upTo: maximumCount, until: deadline, into: body)
    }

    func close() {
        if fault == .closeWakesNobody { return isClosed.store(true, ordering: .relaxed) }
        base.close()
        onClose()
    }

    deinit { base.close() }
}
