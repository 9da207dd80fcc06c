public import IPCCore
import IPCSystem

/// The signals that arrive in a scope of `Signals.with(_:buffering:chaining:body:)`, in an `AsyncSequence`.
///
/// Several iterations share the events: each is delivered once. The order of different signals is not promised, and a
/// standard signal that arrives again before the first one was handled by the kernel is merged with it. Iterating ends
/// with the scope, or when the task is cancelled.
public final class SignalEvents: AsyncSequence, Sendable {
    /// A signal that arrived.
    public typealias Element = SignalEvent
    /// Nothing: iterating ends instead.
    public typealias Failure = Never

    /// What the scope receives.
    public let signals: Set<Signal>
    let inbox: SignalInbox
    private let lostBefore: UInt64

    init(_ signals: Set<Signal>, inbox: SignalInbox) {
        self.signals = signals
        self.inbox = inbox
        lostBefore = Self.lostCount(signals)
    }

    /// The next event; waits for it.
    ///
    /// - Returns: nil when the scope is over.
    /// - Throws: `.timedOut` or `.cancelled`; nothing was taken then.
    public func next(until deadline: Deadline = .never) async throws(IPCError) -> SignalEvent? {
        try await inbox.next(until: deadline)
    }

    /// The next event if one is there.
    public func nextIfThere() -> SignalEvent? {
        if case .event(let event) = inbox.take() { return event }
        return nil
    }

    /// How many signals of this scope arrived and are in no event: the scope's buffer was full, or the pipe from the
    /// handler was (32,768 signals; that counts the signals of other scopes for the same signal as well).
    ///
    /// Signals that the kernel merged are not in it: nobody counts them.
    public var lostCount: Int {
        inbox.droppedCount + Int(clamping: Self.lostCount(signals) &- lostBefore)
    }

    private static func lostCount(_ signals: Set<Signal>) -> UInt64 {
        signals.reduce(0) { $0 &+ SignalCalls.lostCount($1.rawValue) }
    }

    /// One pass over the events. Not to be shared between tasks: make another one.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let inbox: SignalInbox

        fileprivate init(_ inbox: SignalInbox) { self.inbox = inbox }

        /// The next event; nil when the scope is over or the task is cancelled.
        public mutating func next() async -> SignalEvent? {
            // Without a deadline it throws for a cancellation alone.
            (try? await inbox.next(until: .never)) ?? nil
        }

        /// The next event; nil when the scope is over or the task is cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> SignalEvent? {
            (try? await inbox.next(until: .never)) ?? nil
        }
    }

    /// Starts a pass over the events.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(inbox) }
}

@available(*, unavailable)
extension SignalEvents.AsyncIterator: Sendable {}
