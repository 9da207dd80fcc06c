public import IPCCore
import IPCSystem
import Synchronization

extension Broadcast {
    /// A receiving end of a ``Broadcast``, with a cursor of its own. Tasks that share it share the messages.
    ///
    /// It copies each message to memory of its own, of which it allocates at most ``maximumMessageSize`` bytes whatever the
    /// writer says. A larger message is `.messageTooLarge`, again and again, and stays the next one: take a reader with a
    /// higher limit, or close this one, which holds up the writer of a lossless broadcast.
    public final class Reader: ReceiveChannel, @unchecked Sendable {
        /// The bytes of one message.
        public typealias Inbound = [UInt8]

        /// The limit unless another one is given: 64 MiB.
        public static let defaultMaximumMessageSize = 64 << 20

        /// The most bytes of a message that this reader takes.
        public let maximumMessageSize: Int

        let memory: BroadcastMemory
        let lock = TaskLock()
        private let sleep: BroadcastSleep
        private let spinning = SpinRecord()
        private let missed = Atomic<UInt64>(0)

        // Protected by the lock.
        var cursor: BroadcastCursor?
        private(set) var hasEnded = false

        /// Joins a broadcast that its writer has made.
        ///
        /// - Parameters:
        ///   - place: where the broadcast lies.
        ///   - start: where it begins.
        ///   - afterLap: where it goes on when it missed messages of a lossy broadcast: with the oldest one that is left,
        ///     or with the newest, as it also does after 50 milliseconds in which it could copy no whole message.
        ///   - maximumMessageSize: the most bytes that it allocates for a message.
        ///   - options: whose memory is used, and how it is mapped; the access follows from the kind of broadcast.
        /// - Throws: `.notFound` before there is one; `.invalidArgument` for a negative limit; `.unsupported` for an anonymous one, of which the writer makes
        ///   readers; `.resourceExhausted` when all slots of a lossless one are taken; `.typeMismatch`, `.wrongMagic`,
        ///   `.wrongVersion` or `.protocolViolation` for something else; and what ``SharedMemory`` throws.
        public convenience init(
            at place: SharedMemoryPlace, from start: BroadcastStart = .newest, afterLap: BroadcastStart = .oldest,
            maximumMessageSize: Int = Broadcast.Reader.defaultMaximumMessageSize,
            options: SharedMemoryOptions = SharedMemoryOptions()
        ) throws(IPCError) {
            guard place != .anonymous else {
                throw IPCError(.unsupported, "join a broadcast: an anonymous one has no name; its writer makes readers")
            }
            var options = options
            options.access = .readOnly
            var memory = try BroadcastMemory(
                try SharedMemory(at: place, .open, layout: BroadcastMemory.layout, options: options))
            if memory.isLossless {
                options.access = .readWrite
                memory = try BroadcastMemory(
                    try SharedMemory(at: place, .open, layout: BroadcastMemory.layout, options: options))
            }
            self.init(
                memory,
                try BroadcastCursor(memory, from: start, afterLap: afterLap, maximumMessageSize: maximumMessageSize))
        }

        init(_ memory: BroadcastMemory, _ cursor: BroadcastCursor) {
            self.memory = memory
            self.cursor = cursor
            sleep = BroadcastSleep(memory.region.memory)
            maximumMessageSize = cursor.maximumMessageSize
        }

        /// The largest message. The writer's finish and its death are told apart.
        public var guarantees: ChannelGuarantees { memory.guarantees(.receives, atMost: maximumMessageSize) }

        /// How many messages this reader missed because the writer was faster. Always 0 in a lossless broadcast.
        public var lappedCount: UInt64 { missed.load(ordering: .relaxed) }

        /// Leaves. The writer of a lossless broadcast waits for this reader no more. Idempotent.
        public func close() {
            _ = sleep.closing.add(1)
            SharedFutexCalls.wake(sleep.closing.view)
            if lock.close() { cursor = nil }
        }

        /// Gives the lock back.
        func release() {
            if lock.release() { cursor = nil }
        }

        /// Waits until something is there: true for a message in the cursor, a count of missed messages if `tellsLaps`.
        ///
        /// - Returns: nil at the end.
        func wait(until deadline: Deadline, tellsLaps: Bool = false) async throws(IPCError) -> BroadcastCursor.Step? {
            var hasSpun = false
            var hasWaited = false
            while true {
                let closed = sleep.closing.value
                if lock.isClosed { throw .closed("receive a broadcast") }
                // Before the look: a publication that comes after it changes the word.
                let seen = memory.signal.loadSequential()
                if let found = try next(tellsLaps: tellsLaps) { return found }
                // Once for each sleep: a writer may change the word all the time and publish nothing, and it is the sleep
                // that sees the deadline and the cancellation.
                if !hasSpun, spinning.spin(.shared, { memory.signal.loadSequential() != seen }) {
                    hasSpun = true
                    continue
                }
                // Before the last look: see `Broadcast.Writer.signal`.
                if memory.isLossless { memory.readersWait.storeSequential(1) }
                // Time for what costs a system call.
                switch try look(tellsLaps: tellsLaps) {
                case .empty: break
                case let found: return found
                }
                if hasEnded { return nil }
                try await FutexWatcher.shared.wait(
                    while: WordExpectation(memory.signal, is: seen),
                    and: WordExpectation(sleep.closing.view, is: closed),
                    keeping: sleep, until: deadline, "receive a broadcast")
                // That wait did not suspend if the word had changed already: let others have the thread.
                if hasWaited { await Task.yield() }
                hasSpun = false
                hasWaited = true
            }
        }

        /// The next step, without a look at what became of the writer; nil when there is none now.
        func next(tellsLaps: Bool = false) throws(IPCError) -> BroadcastCursor.Step? {
            guard let cursor else { throw .closed("receive a broadcast") }
            return try step(cursor, tellsLaps)
        }

        /// The next step, or `.empty`, with `hasEnded` set when there is none any more.
        ///
        /// - Throws: `.peerClosed` as long as there is no writer: one that takes the place over goes on for this reader.
        func look(tellsLaps: Bool = false) throws(IPCError) -> BroadcastCursor.Step {
            guard let cursor else { throw .closed("receive a broadcast") }
            if let found = try step(cursor, tellsLaps) { return found }
            var isFinished = hasEnded
            var hasWriter = true
            if !isFinished {
                isFinished = memory.finished.loadAcquiring() != 0
                if !isFinished {
                    // Not by the writer's own open file, which the memory of a lossless one may have come with.
                    hasWriter = try WriterClaim.exists(
                        memory.region, asSeenBy: cursor.seat?.file, "receive a broadcast")
                }
                // What came before the end is seen now at the latest.
                if let found = try step(cursor, tellsLaps) { return found }
                // It may have finished between the two looks.
                if !hasWriter { isFinished = memory.finished.loadAcquiring() != 0 }
                hasEnded = isFinished
            }
            cursor.publishPosition()
            guard isFinished || hasWriter else {
                throw IPCError(
                    .peerClosed, "receive a broadcast: its writer is gone without having finished",
                    object: memory.region.place.description)
            }
            return .empty
        }

        private func step(_ cursor: BroadcastCursor, _ tellsLaps: Bool) throws(IPCError) -> BroadcastCursor.Step? {
            var found = try cursor.step()
            if case .lapped(let count) = found {
                missed.wrappingAdd(count, ordering: .relaxed)
                if !tellsLaps { found = try cursor.step() }
            }
            if case .empty = found { return nil }
            return found
        }
    }
}
