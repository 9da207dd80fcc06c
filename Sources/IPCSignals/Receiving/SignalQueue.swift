import IPCCore
import IPCSystem
import Synchronization

/// The kernel's own queue of signals, for the thread that the signals of a channel come to.
///
/// While such a thread looks for a message it holds the signal back and takes it from the queue itself: no handler, no
/// pipe, and no interruption of a processor by the sender. It never sleeps so, and never runs anything else: when it stops
/// looking, it lets the signal through, and what has come and was not taken goes through the handler as ever.
///
/// Nothing is overtaken that counts. Messages have numbers; the frame behind the last of a dead peer has none, and comes
/// the same way, to the same thread. So whoever takes signals and delivers them does both behind the lock of the pipe's
/// readers, and before such a frame it delivers what that thread's handler wrote.
final class SignalQueue: Sendable {
    private struct State: ~Copyable {
        let descriptor: OwnedDescriptor
        var set: UInt64 = 0
    }

    private let lane: SignalLane
    private let state: Lock<State>
    private let number: Int32
    /// Behind the lock of the lane's readers.
    private let records = RecordBuffer(capacity: SignalQueueCalls.largestBatch)

    /// - Throws: `.resourceExhausted` without descriptors.
    init(_ lane: SignalLane) throws(IPCError) {
        let descriptor = try mapping("receive signals") { () throws(SystemCallError) in try SignalQueueCalls.open() }
        number = descriptor.number
        self.lane = lane
        state = Lock(State(descriptor: descriptor))
    }

    /// From now on the queue is that of this signal, too: for good, as the signal is the channels'.
    func include(_ signal: Signal) throws(IPCError) {
        try state.withLock { state throws(IPCError) in
            let set = state.set | 1 << UInt64(signal.rawValue - 1)
            guard set != state.set else { return }
            try mapping("receive signals", object: signal.name) { () throws(SystemCallError) in
                try SignalQueueCalls.include(set, in: state.descriptor.number)
            }
            state.set = set
        }
    }

    /// Runs `body` while `signal` is held back from this thread, on which no other code runs meanwhile.
    ///
    /// - Returns: nil when that must not be, because somebody has put a handler over the library's.
    func holding<Value>(_ signal: Signal, _ body: () throws(IPCError) -> Value?) throws(IPCError) -> Value? {
        guard let mask = SignalQueueCalls.hold(signal.rawValue) else { return nil }
        defer { SignalQueueCalls.letThrough(mask) }
        // What the handler wrote before.
        if SignalQueueCalls.writtenCount(to: lane.lane) != lane.readCount.load(ordering: .relaxed) { lane.poll() }
        return try body()
    }

    /// Runs `body`, a system call, while `signal` is held back from this thread, and delivers what came meanwhile.
    func collecting(_ signal: Signal, _ body: () throws(SystemCallError) -> Void) throws(SystemCallError) {
        guard let mask = SignalQueueCalls.hold(signal.rawValue) else { return try body() }
        defer { SignalQueueCalls.letThrough(mask) }
        try body()
        take()
    }

    /// Delivers what is queued for this thread, unless somebody else is delivering at this moment.
    func take() {
        guard lane.readers.tryAcquire() else { return }
        let count = unsafe SignalQueueCalls.take(number, into: records.pointer)
        for index in 0..<count {
            let record = unsafe records.pointer[index]
            if SignalFrame(record.value)?.kind == .fence { lane.drain() }
            lane.deliver(record)
        }
        _ = lane.readers.release()
    }
}
