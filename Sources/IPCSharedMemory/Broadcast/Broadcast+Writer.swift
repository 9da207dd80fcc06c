public import IPCCore
import IPCSystem

extension Broadcast {
    /// The sending end of a ``Broadcast``. May be used from any number of tasks.
    public final class Writer: SendChannel, @unchecked Sendable {
        /// The bytes of one message.
        public typealias Outbound = [UInt8]

        let memory: BroadcastMemory
        let claim: WriterClaim
        let slots: BroadcastSlots?
        let lock = TaskLock()
        let sleep: BroadcastSleep
        let spinning = SpinRecord()

        // Protected by the lock.
        var tape: BroadcastTape
        var isFinished = false
        private var hasEnded = false

        /// Makes a broadcast, or takes over one whose writer is gone: what is in its ring stays, and its readers go on.
        ///
        /// - Throws: `.busy` while another handle writes; `.invalidArgument` for a capacity or a number of readers that
        ///   cannot be; `.typeMismatch` when the broadcast that is there is of another kind or size; `.unsupported` for a
        ///   System V segment; and what ``SharedMemory`` throws.
        public init(
            at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .openOrCreate,
            options: BroadcastOptions = BroadcastOptions()
        ) throws(IPCError) {
            let slotCount = try Self.check(options)
            let seals = place == .anonymous && slotCount == 0
            var memoryOptions = options.memory
            memoryOptions.access = .readWrite
            memoryOptions.allowsMoreSeals = seals
            memoryOptions.isClaimedByMaker = true
            let capacity = options.capacity
            let region = try SharedMemory(
                at: place, intent, byteCount: BroadcastMemory.ringOffset + capacity, layout: BroadcastMemory.layout,
                options: memoryOptions
            ) { payload in
                BroadcastMemory.write(capacity: capacity, slotCount: slotCount, to: payload)
            }
            let memory = try BroadcastMemory(region)
            guard memory.slotCount == slotCount else {
                throw IPCError(
                    .typeMismatch,
                    "open a broadcast: expected \(slotCount) reader slots, found \(memory.slotCount)",
                    object: place.description)
            }
            do throws(IPCError) {
                claim = try WriterClaim(region, "write a broadcast")
            } catch {
                region.abandon()
                throw error
            }
            if seals, let file = region.file {
                try mapping("seal a broadcast") { () throws(SystemCallError) in
                    try MemoryCalls.seal(file.number, [.futureWriting, .seals])
                }
            }
            self.memory = memory
            sleep = BroadcastSleep(region.memory)
            slots = slotCount == 0 ? nil : region.file.map { BroadcastSlots(memory, file: $0) }
            tape = BroadcastTape(memory)
            memory.finished.storeSequential(0)
            signal()
        }

        private static func check(_ options: BroadcastOptions) throws(IPCError) -> Int {
            let capacity = options.capacity
            guard BroadcastMemory.capacities.contains(capacity), capacity & (capacity - 1) == 0 else {
                throw IPCError(
                    .invalidArgument,
                    "make a broadcast: a capacity of \(capacity) bytes is no power of two from 4,096 on")
            }
            guard case .lossless(let readers) = options.delivery else { return 0 }
            guard (1...BroadcastMemory.maximumSlots).contains(readers) else {
                throw IPCError(
                    .invalidArgument,
                    "make a broadcast: \(readers) lossless readers are not between 1 and \(BroadcastMemory.maximumSlots)"
                )
            }
            return readers
        }

        deinit { close() }

        /// A message takes at most a quarter of the ring. A reader's death is no concern of the writer, and so is not seen.
        public var guarantees: ChannelGuarantees { memory.guarantees(.sends) }

        /// A reader of this broadcast: for this process, or to pass on.
        ///
        /// - Parameters:
        ///   - start: where it begins.
        ///   - afterLap: where it goes on when it missed messages of a lossy broadcast: see ``BroadcastStart``.
        ///   - maximumMessageSize: the most bytes that it allocates for a message: see ``Reader``.
        /// - Throws: `.resourceExhausted` when all slots of a lossless one are taken; `.invalidArgument` for a negative
        ///   limit.
        public func makeReader(
            from start: BroadcastStart = .newest, afterLap: BroadcastStart = .oldest,
            maximumMessageSize: Int = Reader.defaultMaximumMessageSize
        ) throws(IPCError) -> Reader {
            guard memory.region.place == .anonymous else {
                return try Reader(
                    at: memory.region.place, from: start, afterLap: afterLap, maximumMessageSize: maximumMessageSize)
            }
            let access: SharedMemoryAccess = memory.isLossless ? .readWrite : .readOnly
            let transferred = try memory.region.transfer(for: access)
            return try Reader(
                transferred, isLossless: memory.isLossless, from: start, afterLap: afterLap,
                maximumMessageSize: maximumMessageSize)
        }

        /// Tells readers that there is something to see, which is in the memory already.
        ///
        /// Readers of a lossless broadcast say by a flag that they sleep. A reader: (1) reads the signal, (2) raises the flag,
        /// (3) looks, (4) sleeps if the signal is as in 1. The writer: (a) stores what is to be seen, (b) takes the flag down,
        /// (c) changes the signal, (d) wakes if the flag was up. All are sequentially consistent, or have such a step between.
        ///
        /// - b before 2: a is before 3, so the reader sees it and does not sleep; its flag stays up for the next time.
        /// - 2 before b, 4 before c: it sleeps, and d wakes it.
        /// - 2 before b, c before 4: 1 is before c too, so the signal is another one, and it does not sleep.
        ///
        /// Taking the flag down after c would also take down that of a reader that read the new signal, and nobody would
        /// wake it. `Tests/Models/broadcast-bell.pml` is a model.
        func signal() {
            // The writer that closes signals after it gave up its claim, beside the next writer: each step is atomic.
            let isAwaited = !memory.isLossless || memory.readersWait.exchange(0) != 0
            memory.signal.add(1)
            if isAwaited { SharedFutexCalls.wake(memory.signal) }
        }

        /// Lets go of the broadcast, so that another writer may come. Readers get what is left, and then `.peerClosed`,
        /// or nil after ``finish(until:)``.
        public func close() {
            _ = sleep.closing.add(1)
            SharedFutexCalls.wake(sleep.closing.view)
            if lock.close() { end() }
        }

        /// By whoever has the lock last.
        func end() {
            guard !hasEnded else { return }
            hasEnded = true
            guard claim.drop() else { return }
            signal()
        }

        /// Gives the lock back.
        func release() {
            if lock.release() { end() }
        }
    }
}

extension BroadcastMemory {
    func guarantees(_ direction: ChannelGuarantees.Direction, atMost limit: Int = .max) -> ChannelGuarantees {
        ChannelGuarantees(
            direction: direction, isLossless: isLossless, detectsPeerDeath: direction == .receives,
            maximumMessageSize: min(limit, maximumMessageSize))
    }
}
