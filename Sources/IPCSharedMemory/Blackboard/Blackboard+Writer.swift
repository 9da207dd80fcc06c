public import IPCCore
import IPCSystem

extension Blackboard {
    /// The one writer of a blackboard. May be used from any number of tasks.
    public final class Writer: Sendable {
        let memory: BoardMemory
        private let claim: WriterClaim
        private enum State { case open, finished, closed }
        private let state = Lock(State.open)

        /// Makes a board or takes over one that has no writer. Values that were published before stay.
        ///
        /// - Throws: `.busy` while another handle writes; `.unsupported` for a System V segment; `.typeMismatch` or
        ///   `.wrongVersion` when the board holds something else; and what ``SharedMemory`` throws.
        public init(
            at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .openOrCreate,
            options: SharedMemoryOptions = SharedMemoryOptions()
        ) throws(IPCError) {
            var options = options
            options.access = .readWrite
            options.allowsMoreSeals = place == .anonymous
            options.isClaimedByMaker = true
            let region = try SharedMemory(
                at: place, intent, byteCount: Blackboard.byteCount, layout: Blackboard.layout, options: options)
            do throws(IPCError) {
                claim = try WriterClaim(region, "write a blackboard")
                if place == .anonymous, let file = region.file {
                    // From here on nobody can map the memory for writing, whatever descriptor of it he is given.
                    try mapping("seal a blackboard") { () throws(SystemCallError) in
                        try MemoryCalls.seal(file.number, [.futureWriting, .seals])
                    }
                }
            } catch {
                region.abandon()
                throw error
            }
            memory = BoardMemory(region, valueByteCount: MemoryLayout<Value>.size)
            memory.setFinished(false)
        }

        /// The same, and waits until the other writer is gone.
        ///
        /// - Throws: as ``init(at:_:options:)``, but `.timedOut` or `.cancelled` for `.busy`.
        public static func open(
            at place: SharedMemoryPlace, _ intent: CreationIntent = .openOrCreate,
            options: SharedMemoryOptions = SharedMemoryOptions(), until deadline: Deadline
        ) async throws(IPCError) -> Writer {
            var pace = LookingPace()
            while true {
                do throws(IPCError) {
                    return try Writer(at: place, intent, options: options)
                } catch {
                    guard error.code == .busy else { throw error }
                }
                try await pace.pause(until: deadline, "wait to write a blackboard")
            }
        }

        deinit { close() }

        /// Makes `value` the latest one. A copy, one store, and a system call that wakes those who wait for a change.
        ///
        /// - Returns: its version.
        /// - Throws: `.closed` after ``close()``, `.finished` after ``finish()``.
        @discardableResult
        @inlinable
        public func publish(_ value: Value) throws(IPCError) -> UInt64 {
            // SAFETY: the bytes of the value are read within the call.
            try unsafe withUnsafePointer(to: value) { pointer throws(IPCError) in
                try unsafe publish(bytes: UnsafeRawPointer(pointer))
            }
        }

        @usableFromInline
        func publish(bytes: UnsafeRawPointer) throws(IPCError) -> UInt64 {
            let address = UInt(bitPattern: bytes)
            return try state.withLock { state throws(IPCError) in
                try Self.check(state)
                return unsafe memory.publish(UnsafeRawPointer(bitPattern: address)!)
            }
        }

        /// Changes the latest value, which is all zero bytes before the first. Updates from several tasks follow each other.
        ///
        /// - Parameter body: what changes it. Keep it short: other tasks that publish wait for it.
        /// - Returns: the version.
        /// - Throws: as ``publish(_:)``.
        @discardableResult
        public func update(_ body: (inout Value) -> Void) throws(IPCError) -> UInt64 {
            try state.withLock { state throws(IPCError) in
                try Self.check(state)
                return try unsafe withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) {
                    buffer throws(IPCError) in
                    // SAFETY: every bit pattern is a value, all zeroes too.
                    let place = UnsafeMutableRawPointer(buffer.baseAddress!)
                    unsafe place.initializeMemory(as: UInt8.self, repeating: 0, count: MemoryLayout<Value>.stride)
                    _ = try unsafe memory.read(into: place)
                    unsafe body(&buffer[0])
                    return unsafe memory.publish(place)
                }
            }
        }

        private static func check(_ state: State) throws(IPCError) {
            switch state {
            case .open: break
            case .finished: throw IPCError(.finished, "publish on a blackboard: the writer has finished")
            case .closed: throw .closed("publish on a blackboard")
            }
        }

        /// The latest value; nil before the first.
        public var latest: Value? { try? memory.entry(of: Value.self)?.value }

        /// How many values were published.
        public var version: UInt64 { memory.version }

        /// A reader of this board: for this process, or to pass on.
        ///
        /// - Throws: `.resourceExhausted`.
        public func makeReader() throws(IPCError) -> Reader {
            guard memory.region.place == .anonymous else { return try Reader(at: memory.region.place) }
            return try Reader.receive(try memory.region.transfer(for: .readOnly))
        }

        /// Tells the readers that no more values will come. The latest stays. Idempotent.
        public func finish() {
            // Under the lock: after `close()` the word may be the next writer's.
            state.withLock { state in
                guard state == .open else { return }
                state = .finished
                memory.setFinished(true)
            }
        }

        /// Lets go of the board, so that another writer may come. Idempotent. The latest value stays.
        public func close() {
            let before = state.withLock { state in
                defer { state = .closed }
                return state
            }
            guard before != .closed, claim.drop() else { return }
            memory.signalTurn()
        }
    }
}
