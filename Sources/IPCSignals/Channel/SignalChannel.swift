public import IPCCore
import IPCSystem
import Synchronization

/// A channel of numbers between two processes of one user, over a real-time signal that carries each number: sigqueue(3).
///
/// ```swift
/// let channel = try SignalChannel(on: .realTimeSignals[0])
/// let child = try await ChildProcess.spawn("worker", transferring: [channel.invitation])
/// try await channel.send(42)
///
/// // In the child:
/// let channel = try SignalChannel(accepting: try InheritedEndpoints.take(0, as: SignalInvitation.self))
/// let number = try await channel.receive()
/// ```
///
/// - **Order.** The kernel hands signals to any thread, where they overtake each other; a sequence number beside each value
///   puts them right. None is lost: the receiver tells the sender how much room it has (`capacity`).
/// - **Limits.** All signals that are on their way to a user's processes count against RLIMIT_SIGPENDING. Without room
///   `send` tries again until its deadline and then throws `.resourceExhausted`, which names the limit; so does `trySend` at once.
/// - **Before the other end is there** a channel has no room: `send` waits, `trySend` says false.
/// - **The peer** is known by its pidfd and, when it accepts, by its start time: another process that gets its number is
///   not taken for it, and its death is an event. What the dead sent before is delivered first. Signals of other processes
///   are ignored; a process that may send you signals can pretend to be another one, though (si_pid is the sender's word).
/// - **The signal** belongs to channels for as long as the process lives, any number of them: a message that is still under way must
///   not end the process. exec resets the handler: close channels before, or the next signal ends the new program.
/// - **As bytes**: ``bytes`` is the same channel with messages of 0 to 4 bytes.
public final class SignalChannel: Channel {
    /// A number.
    public typealias Inbound = Int32
    /// A number.
    public typealias Outbound = Int32

    /// The signal that carries the messages.
    public let signal: Signal
    /// How many messages this end has room for before they are received: a power of two.
    public let capacity: Int

    let lane: SignalLane
    let queue: SignalQueue
    let sendLock = TaskLock()
    let receiveLock = TaskLock()
    /// Somebody waits for room, or for the other end to come.
    let room = WaitEngine.shared.makeWaitPoint()
    /// Somebody waits for a message.
    let arrived = WaitEngine.shared.makeWaitPoint()
    let window: Lock<SignalWindow>
    let peer = Lock(Peer())
    /// Behind `receiveLock`.
    let spinning = Spinning()

    /// The sequence number of the next message. Written behind `sendLock`.
    let nextSequence = Atomic<UInt32>(0)
    /// The peer has room for messages before this sequence number.
    let creditLimit = Atomic<UInt32>(0)
    let isOpen = Atomic<Bool>(false)
    let isFinished = Atomic<Bool>(false)
    /// The peer has closed its end, or is dead.
    let isPeerGone = Atomic<Bool>(false)
    /// Signals of this channel may have been lost in this process.
    let isLossy = Atomic<Bool>(false)
    /// The mark of the thread that has settled, if one has: see ``settle()``.
    let home = Atomic<UInt>(0)
    /// The thread of this process that the peer sends to; 0 when it was not told.
    let ownThread = Atomic<Int32>(0)
    /// All threads that it was told of.
    let announced = Lock<Set<Int32>>([])
    /// How many frames have yet to come from this process itself before everything of a dead peer has.
    let fencesLeft = Atomic<Int>(0)
    private let ownNumber = Atomic<UInt32>(0)

    struct Peer {
        var route: SignalRoute?
        /// Waits for the peer's death.
        var watch: Task<Void, Never>?
        /// By which the end that invited sees that this process lives, until the two have met.
        var lifeline: PassedDescriptor?
    }

    final class Spinning: @unchecked Sendable {
        // SAFETY: behind `receiveLock`.
        var policy = SpinPolicy()
        /// The thread that may settle, by its mark, and how often in a row it was that one.
        private var candidate: UInt = 0
        private var count = 0

        /// A message was there before anybody looked: they come in a stream, and then it is better that another thread takes
        /// them in, many at a time, than that each interrupts the one that receives.
        func sawStream() { count = 0 }

        /// Whether the thread of this mark, which is not `home`, has received so often in a row that it settles.
        func isNews(_ mark: UInt, home: UInt) -> Bool {
            guard mark != home else {
                count = 0
                return false
            }
            count = mark == candidate ? count + 1 : 0
            candidate = mark
            return count >= 32
        }
    }

    /// Its number in this process.
    var number: UInt32 { ownNumber.load(ordering: .relaxed) }

    /// Makes an end that waits for the process that accepts its ``invitation``.
    ///
    /// - Parameters:
    ///   - signal: one of `Signal.realTimeSignals`.
    ///   - capacity: how many messages may wait here until they are received, 1 to 4096; rounded up to a power of two. All
    ///     channels of a process together have room for about 28,000.
    /// - Throws: `.invalidArgument` for another signal or capacity; `.busy` when the program or a scope of
    ///   `Signals.with(_:buffering:chaining:body:)` receives the signal, or the library ends blocked calls with it;
    ///   `.resourceExhausted`.
    public init(on signal: Signal, capacity: Int = 256) throws(IPCError) {
        try Self.check(signal, capacity)
        let exponent = Self.exponent(capacity)
        self.signal = signal
        self.capacity = 1 << exponent
        (lane, queue) = try ChannelTable.shared.reserve(1 << exponent, on: signal)
        window = Lock(SignalWindow(capacity: 1 << exponent))
        ownNumber.store(ChannelTable.shared.add(self), ordering: .relaxed)
        // The host may have blocked the signal in all of its threads, and the first hello comes to any.
        Task(executorPreference: IPCExecutor.shared) {
            if Scheduler.isWorkersThread { SignalCalls.admit(signal.rawValue) }
        }
    }

    /// The other end of the channel that invites.
    ///
    /// It returns before the two have met; ``waitUntilOpen(until:)`` waits for that, and so do `send` and `receive`.
    ///
    /// - Throws: `.notFound` when the process that invited is gone; else as ``init(on:capacity:)``.
    public convenience init(accepting invitation: SignalInvitation, capacity: Int = 256) throws(IPCError) {
        try self.init(on: invitation.signal, capacity: capacity)
        let route: SignalRoute
        do throws(IPCError) {
            route = try SignalRoute(to: invitation.processID, number: invitation.number, invitation.signal)
            // After the pidfd is open: a process that has ended since would be seen there.
            let facts = try? SignalSending.facts(of: invitation.processID)
            guard let facts, facts.start == invitation.start, facts.catches(invitation.signal.rawValue) else {
                route.end()
                throw IPCError(
                    .notFound, "accept an invitation: the process that invited is gone",
                    object: "process \(invitation.processID)")
            }
        } catch {
            close()
            throw error
        }
        begin(with: route)
        peer.withLock { $0.lifeline = invitation.lifeline }
        Task(executorPreference: IPCExecutor.shared) { [weak self] in await Self.greetUntilOpen { [weak self] in self }
        }
    }

    deinit { close() }

    /// What the process at the other end needs to know.
    public var invitation: SignalInvitation {
        SignalInvitation(
            processID: ProcessFacts.processID, start: Self.ownStart, signal: signal, number: number)
    }

    private static let ownStart = (try? SignalSending.facts(of: ProcessFacts.processID).start) ?? 0

    /// The process at the other end; nil before it has come.
    public var peerProcessID: Int32? { peer.withLock { $0.route?.processID } }

    /// Ordered and lossless, with an end that is told from a death. Messages are 4 bytes, or up to 4 as ``bytes``.
    ///
    /// Only the sequence number makes it so: standard signals coalesce, and real-time signals alone keep no order among
    /// threads.
    public var guarantees: ChannelGuarantees {
        ChannelGuarantees(maximumMessageSize: 4, messageCapacity: capacity)
    }

    private static func check(_ signal: Signal, _ capacity: Int) throws(IPCError) {
        guard signal.isRealTime else {
            throw IPCError(
                .invalidArgument,
                "make a signal channel: it takes a real-time signal, because the others are merged on the way",
                object: signal.name)
        }
        try SignalRules.check(signal)
        guard (1...4096).contains(capacity) else {
            throw IPCError(.invalidArgument, "make a signal channel: a capacity of 1 to 4096, not \(capacity)")
        }
    }

    /// The exponent of the power of two that is not below `capacity`.
    private static func exponent(_ capacity: Int) -> UInt32 {
        UInt32(Int.bitWidth - max(capacity - 1, 0).leadingZeroBitCount)
    }

    var exponent: UInt32 { UInt32(capacity.trailingZeroBitCount) }

    /// Lets go of this end at once, and tells the peer. Idempotent; whoever waits on this end gets `.closed`.
    public func close() {
        if sendLock.close() { leave() } else { room.signal() }
        if !receiveLock.close() { arrived.signal() }
    }

    func endSending() {
        if sendLock.release() { leave() }
    }

    func endReceiving() { _ = receiveLock.release() }
}
