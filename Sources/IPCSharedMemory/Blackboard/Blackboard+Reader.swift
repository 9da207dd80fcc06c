public import IPCCore
import IPCSystem

extension Blackboard {
    /// Reads a blackboard. May be used from any number of tasks; maps the memory for reading alone.
    public final class Reader: Sendable {
        @usableFromInline let memory: BoardMemory
        private let spinning = SpinRecord()

        /// Opens a board that its writer has made.
        ///
        /// - Throws: `.notFound` before that; `.unsupported` for an anonymous board, of which the writer makes readers;
        ///   `.typeMismatch`, `.wrongVersion` or `.wrongMagic` with what was expected and what was found when the board
        ///   holds something else; and what ``SharedMemory`` throws.
        public init(
            at place: SharedMemoryPlace, options: SharedMemoryOptions = SharedMemoryOptions()
        ) throws(IPCError) {
            guard place != .anonymous else {
                throw IPCError(
                    .unsupported, "read a blackboard: an anonymous one has no name; its writer makes readers")
            }
            var options = options
            options.access = .readOnly
            memory = BoardMemory(
                try SharedMemory(
                    at: place, .open, byteCount: Blackboard.byteCount, layout: Blackboard.layout, options: options),
                valueByteCount: MemoryLayout<Value>.size)
        }

        private init(_ memory: BoardMemory) { self.memory = memory }

        /// The latest value; nil before the first. No system call, and no waiting for anybody.
        ///
        /// - Throws: `.protocolViolation` when whoever writes there does not keep to the protocol.
        @inlinable
        public var latest: Value? {
            get throws(IPCError) { try memory.entry(of: Value.self)?.value }
        }

        /// The latest value with its version; nil before the first.
        ///
        /// - Throws: as ``latest``.
        @inlinable
        public var latestEntry: Entry? {
            get throws(IPCError) { try memory.entry(of: Value.self) }
        }

        /// How many values were published. Cheaper than the value, to see whether there is a new one.
        @inlinable
        public var version: UInt64 { memory.version }

        /// Whether somebody has the board open for writing. A system call. fcntl(2) F_OFD_GETLK.
        public var hasWriter: Bool {
            get throws(IPCError) { try WriterClaim.exists(memory.region, "look for the writer of a blackboard") }
        }

        /// Waits for a value with another version than `version`, and returns the latest.
        ///
        /// - Returns: nil when the writer has finished and there is no other.
        /// - Throws: `.timedOut`, `.cancelled`; `.peerClosed` when the writer of an *anonymous* board is gone without
        ///   having finished (seen within 1.5 seconds when it dies): nobody can take its place. Any other board may get a new
        ///   writer, so its readers wait on. As ``latest``, too.
        public func change(after version: UInt64, until deadline: Deadline = .never) async throws(IPCError) -> Entry? {
            let isAnonymous = memory.region.place == .anonymous
            var hasWaited = false
            while true {
                let turn = memory.turn.loadSequential()
                let seen = memory.version
                if seen != version, let entry = try latestEntry, entry.version != version { return entry }
                // What is the same now as before these looks was the same when the writer went.
                if memory.isFinished, memory.version == seen { return nil }
                if isAnonymous, try !hasWriter, !memory.isFinished, memory.version == seen {
                    throw IPCError(.peerClosed, "wait for a change: the writer of the blackboard is gone")
                }
                try await FutexWatcher.shared.wait(
                    while: WordExpectation(memory.waitWord, is: UInt32(truncatingIfNeeded: seen)),
                    and: WordExpectation(memory.turn, is: turn), keeping: memory.region.memory, until: deadline,
                    looksAgain: isAnonymous, spinning: spinning, "wait for a change of a blackboard")
                // That wait did not suspend if a word had changed already, which who writes there may do all the time.
                if hasWaited { await Task.yield() }
                hasWaited = true
            }
        }

        /// The latest value now, if there is one, and then each time it has changed: the latest only, those that a slow
        /// loop misses are left out. Ends when the writer finishes; throws what ``change(after:until:)`` throws.
        public var changes: Changes { Changes(reader: self) }
    }

    /// The changes of a blackboard as an `AsyncSequence`. Made by ``Reader/changes``.
    public struct Changes: AsyncSequence, Sendable {
        /// A value with its version.
        public typealias Element = Entry
        /// What ends the iteration early.
        public typealias Failure = IPCError

        let reader: Reader

        /// One pass over the changes. Not to be shared between tasks.
        public struct AsyncIterator: AsyncIteratorProtocol {
            let reader: Reader
            var version: UInt64 = 0

            /// The latest value, once it is another one.
            public mutating func next() async throws(IPCError) -> Entry? {
                guard let entry = try await reader.change(after: version) else { return nil }
                version = entry.version
                return entry
            }

            /// The latest value, once it is another one.
            public mutating func next(isolation actor: isolated (any Actor)?) async throws(IPCError) -> Entry? {
                guard let entry = try await reader.change(after: version) else { return nil }
                version = entry.version
                return entry
            }
        }

        /// Starts a pass over the changes.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader: reader) }
    }
}

@available(*, unavailable)
extension Blackboard.Changes.AsyncIterator: Sendable {}

extension Blackboard.Reader: DescriptorTransferable {
    /// The reader for another process. It stays usable here as well.
    ///
    /// - Throws: `.unsupported` for a board that is not anonymous: give its name instead; `.resourceExhausted`.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        try memory.region.transfer(for: .readOnly)
    }

    /// The reader on the other side.
    ///
    /// - Throws: `.decodingFailed` when this is none; `.typeMismatch` or `.wrongVersion` when the board holds something
    ///   else; `.protocolViolation` for memory that could be taken away; `.resourceExhausted`.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> Self {
        guard transferred.descriptors.count == 1 else {
            throw IPCError(.decodingFailed, "receive a blackboard: it has one descriptor")
        }
        let region = try SharedMemory.receive(
            transferred.descriptors[0], .readOnly, Blackboard.byteCount, Blackboard.layout)
        return make(BoardMemory(region, valueByteCount: MemoryLayout<Value>.size))
    }

    private static func make(_ memory: BoardMemory) -> Self { Self(memory) }
}
