import IPCSystem

/// What the pool tells a worker at its start: the payload of the pool's hello.
struct WorkerBriefing: Codable, Sendable {
    /// Nanoseconds that a task may go on after it was cancelled; nil for any number.
    var cancellationGrace: UInt64?
    /// Bytes that the process may have in memory while a task runs; nil for any number.
    var memoryLimit: Int?
    /// Values of so many bytes go as files instead of through the socket.
    var sharedValueSize: Int
    /// What the pool says to the worker's `setUp`, encoded.
    var setUpArgument: [UInt8]?
}

/// What a worker makes itself ready with. Given to the `setUp` of ``Worker/serveIfSpawned(_:setUp:)``.
public struct WorkerSetUp: Sendable {
    /// The number of the worker in its pool, from 0.
    public let workerIndex: Int
    private let encoded: [UInt8]?

    init(workerIndex: Int, encoded: [UInt8]?) {
        self.workerIndex = workerIndex
        self.encoded = encoded
    }

    /// What the pool gave as ``WorkerPoolOptions/setUpArgument``.
    ///
    /// - Throws: `.invalidArgument` when it gave nothing, `.decodingFailed` when that is of another type.
    public func argument<Argument: Decodable & Sendable>(
        as type: Argument.Type = Argument.self
    ) throws(IPCError) -> Argument {
        guard let encoded else {
            throw IPCError(.invalidArgument, "set up a worker: the pool's options have no setUpArgument")
        }
        return try BinaryCodec.decode(type, from: encoded)
    }
}
