public import IPCCore

/// The latest value of something, in shared memory: one process writes it, any number read it.
///
/// ```swift
/// struct Weather: PlainData { var degrees: Double; var wind: Double }
///
/// // The process that knows
/// let board = try Blackboard<Weather>.Writer(at: .named("weather"))
/// try board.publish(Weather(degrees: 21.5, wind: 3))
///
/// // Others
/// let weather = try Blackboard<Weather>.Reader(at: .named("weather"))
/// print(try weather.latest?.degrees ?? .nan)
/// for try await now in weather.changes { print(now.value.degrees) }
/// ```
///
/// - **Nobody waits for anybody.** A reader never blocks the writer: it maps the memory for reading alone. The writer never
///   blocks a reader, and a reader never sees half a value: whoever is killed or stopped, and whenever. There are several
///   copies and one word that says which is the latest.
/// - **Not a queue.** A reader that looks seldom sees the latest value and not those between. Use ``Broadcast`` for all.
/// - **One writer** at a time, in any process: the second one gets `.busy`, or waits for its turn
///   (``Writer/open(at:_:options:until:)``). A writer that dies makes room at once; the board goes on from its last value.
/// - **The value** is `PlainData`. Name, size and layout of its type are compared when a board is opened.
/// - **Trust.** An anonymous board is sealed so that none but its writer can ever write. The memory of a named board or a
///   file can be written by whoever may write that file; a reader checks what it reads, so that the worst is a value that
///   means nothing, or `.protocolViolation`. Somebody who cuts the *file* short makes readers die of SIGBUS: give such
///   files to those alone whom you trust.
public enum Blackboard<Value: PlainData> {
    /// A value and how many were published up to it.
    public struct Entry: Sendable {
        /// The value.
        public let value: Value
        /// 1 for the first value of the board, and one more each time.
        public let version: UInt64

        /// A value that was the `version`-th of its board.
        public init(value: Value, version: UInt64) {
            self.value = value
            self.version = version
        }
    }

    static var layout: RegionLayout { RegionLayout("swift-ipc.blackboard", version: 1, of: Value.self) }

    static var byteCount: Int { BoardMemory.byteCount(MemoryLayout<Value>.size) }
}

extension Blackboard.Entry: Equatable where Value: Equatable {}

extension BoardMemory {
    /// The latest value with its version; nil when there is none.
    @inlinable
    func entry<Value: PlainData>(of type: Value.Type) throws(IPCError) -> Blackboard<Value>.Entry? {
        try unsafe withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { memory throws(IPCError) in
            // SAFETY: every bit pattern is a value, and `read` writes all bytes unless it returns 0.
            let target = UnsafeMutableRawPointer(memory.baseAddress!)
            let version = try unsafe read(into: target)
            return version == 0 ? nil : Blackboard<Value>.Entry(value: unsafe memory[0], version: version)
        }
    }
}
