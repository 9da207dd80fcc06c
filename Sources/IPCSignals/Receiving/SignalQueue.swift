import IPCCore
import IPCSystem
import Synchronization

/// The kernel's own queue of signals, for the thread that the signals of a channel come to.
///
/// While such a thread looks for a message it holds the signal back and takes it from the queue itself: no handler, no
/// pipe, and no interruption of a processor by the sender. It never sleeps so, and never runs anything else: when it stops
/// looking, it lets the signal through, and what has come and was not taken goes through the handler as ever. Other
/// threads let it through all the time.
///
/// Nothing is overtaken that counts. Messages have numbers; the frame behind the last of a dead peer has none, and comes
/// the same way, to the same thread. So whoever takes signals and delivers them does both behind the lock of the pipe's
/// readers, and before such a frame it delivers what that thread's handler wrote.
///
/// A handler that somebody puts over the library's sees each signal that comes from then on: after each signal it is asked
/// whether there is one, and if so, the signal is sent once more, for that handler, and the queue is left alone for good.
final class SignalQueue: Sendable {
    private let lane: SignalLane
    /// The signals, bit n - 1 for signal n, over whose handler another one was found.
    private let hooked = Atomic<UInt64>(0)

    init(_ lane: SignalLane) { self.lane = lane }

    private func isUsable(_ signal: Signal) -> Bool { hooked.load(ordering: .relaxed) & Self.bit(signal) == 0 }

    private static func bit(_ signal: Signal) -> UInt64 { 1 << UInt64(signal.rawValue - 1) }

    /// Runs `body` while `signal` is held back from this thread, on which no other code runs meanwhile. `body` is told
    /// whether something was delivered that had come before.
    ///
    /// - Returns: nil also when the queue is not to be used.
    func holding<Value>(
        _ signal: Signal, _ body: (_ hasDelivered: Bool) throws(IPCError) -> Value?
    ) throws(IPCError) -> Value? {
        guard isUsable(signal) else { return nil }
        SignalQueueCalls.hold(signal.rawValue)
        defer { SignalQueueCalls.letThrough() }
        // What the handler wrote before.
        let isBehind = SignalQueueCalls.writtenCount(to: lane.lane) != lane.readCount.load(ordering: .relaxed)
        if isBehind { lane.poll() }
        return try body(isBehind)
    }

    /// Runs `body`, a system call, while `signal` is held back from this thread, and delivers what came meanwhile.
    func collecting(_ signal: Signal, _ body: () throws(SystemCallError) -> Void) throws(SystemCallError) {
        guard isUsable(signal) else { return try body() }
        SignalQueueCalls.hold(signal.rawValue)
        defer { SignalQueueCalls.letThrough() }
        try body()
        take(signal)
    }

    /// Delivers one signal that is queued for this thread, which holds it back, unless somebody else is delivering at this
    /// moment. Where there are many, the handler takes them in together when the hold ends.
    func take(_ signal: Signal) {
        guard isUsable(signal), lane.readers.tryAcquire() else { return }
        defer { _ = lane.readers.release() }
        switch SignalQueueCalls.take(signal.rawValue) {
        case .nothing: break
        case .record(let record): deliver(record)
        case .recordOfHooked(let record, let isPassedOn):
            hooked.bitwiseOr(Self.bit(signal), ordering: .relaxed)
            // What comes twice counts once, but for this frame, which may come late.
            if !isPassedOn || !Self.isFence(record) { deliver(record) }
        }
    }

    private func deliver(_ record: SignalRecord) {
        if Self.isFence(record) { lane.drain() }
        lane.deliver(record)
    }

    private static func isFence(_ record: SignalRecord) -> Bool { SignalFrame(record.value)?.kind == .fence }
}
