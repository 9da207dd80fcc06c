import IPCSystem
import Synchronization

/// A task that waits for a message or for room.
final class InProcessWaiter: Sendable {
    enum Outcome: Sendable {
        case undecided
        case sent
        case received([UInt8])
        case finished
        case failed(IPCError.Code)
    }

    let point: WaitPoint
    /// Decided once, under the lock of the direction, when the waiter leaves the line.
    let outcome = Lock<Outcome>(.undecided)

    init(_ point: WaitPoint) {
        self.point = point
    }

    func decide(_ outcome: Outcome) {
        self.outcome.withLock { $0 = outcome }
    }
}

/// One direction of the in-process pair as a value: what is in it, who waits, and which sides are still there.
///
/// Messages are handed to waiting receivers, and room to waiting senders, first come first served. Each method collects
/// in `decided` the waiters to wake, which happens after the lock is released.
struct InProcessState {
    private struct WaitingSender {
        let waiter: InProcessWaiter
        let message: [UInt8]
    }

    enum SendStep {
        case sent
        case full
        case failed(IPCError.Code)
    }

    enum ReceiveStep {
        case received([UInt8])
        case empty
        case finished
        case failed(IPCError.Code)
    }

    private let capacity: Int
    private var messages = FirstInFirstOut<[UInt8]>()
    private var senders = FirstInFirstOut<WaitingSender>()
    private var receivers = FirstInFirstOut<InProcessWaiter>()
    private var isFinished = false
    private var isSenderClosed = false
    private var isReceiverClosed = false
    /// Waiters whose outcome is decided and who are to be woken.
    private var decided: [InProcessWaiter] = []

    init(capacity: Int) {
        self.capacity = capacity
    }

    mutating func takeDecided() -> [InProcessWaiter] {
        if decided.isEmpty { return [] }
        defer { decided = [] }
        return decided
    }

    private mutating func decide(_ waiter: InProcessWaiter, _ outcome: InProcessWaiter.Outcome) {
        waiter.decide(outcome)
        decided.append(waiter)
    }

    /// Why nothing can be sent any more, if so.
    var sendFailure: IPCError.Code? {
        isSenderClosed ? .closed : isFinished ? .finished : isReceiverClosed ? .peerClosed : nil
    }

    mutating func send(_ message: [UInt8]) -> SendStep {
        if let failure = sendFailure { return .failed(failure) }
        if let receiver = receivers.popFirst() {
            decide(receiver, .received(message))
            return .sent
        }
        // While senders wait there is no room: whoever makes some gives it to the first of them.
        guard messages.count < capacity else { return .full }
        messages.append(message)
        return .sent
    }

    mutating func receive() -> ReceiveStep {
        if isReceiverClosed { return .failed(.closed) }
        if let message = messages.popFirst() {
            if let sender = senders.popFirst() {
                messages.append(sender.message)
                decide(sender.waiter, .sent)
            }
            return .received(message)
        }
        // Without any capacity a message goes from hand to hand.
        if let sender = senders.popFirst() {
            decide(sender.waiter, .sent)
            return .received(sender.message)
        }
        if isFinished { return .finished }
        return isSenderClosed ? .failed(.peerClosed) : .empty
    }

    mutating func addSender(_ waiter: InProcessWaiter, _ message: [UInt8]) {
        senders.append(WaitingSender(waiter: waiter, message: message))
    }

    mutating func addReceiver(_ waiter: InProcessWaiter) {
        receivers.append(waiter)
    }

    /// Takes a waiter out of its line; false when its outcome is decided already.
    mutating func remove(_ waiter: InProcessWaiter) -> Bool {
        receivers.remove { $0 === waiter } || senders.remove { $0.waiter === waiter }
    }

    /// No more messages after those that are there or wait for room. Returns why not, if it cannot be.
    mutating func finish() -> IPCError.Code? {
        if isSenderClosed { return .closed }
        isFinished = true
        // Receivers wait only when there is nothing left.
        while let receiver = receivers.popFirst() { decide(receiver, .finished) }
        return nil
    }

    mutating func closeSender() {
        isSenderClosed = true
        while let sender = senders.popFirst() { decide(sender.waiter, .failed(.closed)) }
        while let receiver = receivers.popFirst() { decide(receiver, .failed(.peerClosed)) }
    }

    mutating func closeReceiver() {
        isReceiverClosed = true
        messages = FirstInFirstOut()
        while let receiver = receivers.popFirst() { decide(receiver, .failed(.closed)) }
        while let sender = senders.popFirst() { decide(sender.waiter, .failed(.peerClosed)) }
    }
}
