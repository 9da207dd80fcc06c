/// What a task knows of the place where it runs.
public struct WorkerContext: Sendable {
    /// The number of the worker in its pool, from 0. A worker that replaces another one takes its number.
    public let workerIndex: Int
    /// When the caller gives up; the task is cancelled then.
    public let deadline: Deadline
    /// What ``Worker/serveIfSpawned(_:setUp:)`` made.
    private let stored: (any Sendable)?
    private let reporter: (@Sendable (TaskProgress) -> Void)?

    init(
        workerIndex: Int, deadline: Deadline, stored: (any Sendable)?, reporter: (@Sendable (TaskProgress) -> Void)?
    ) {
        self.workerIndex = workerIndex
        self.deadline = deadline
        self.stored = stored
        self.reporter = reporter
    }

    /// A context for running a task in a test, without a worker. Progress goes nowhere.
    public init(workerIndex: Int = 0, deadline: Deadline = .never, state: (any Sendable)? = nil) {
        self.init(workerIndex: workerIndex, deadline: deadline, stored: state, reporter: nil)
    }

    /// What the worker made when it started, with the `setUp` of ``Worker/serveIfSpawned(_:setUp:)``.
    ///
    /// - Throws: `.invalidArgument` when it made nothing, or something of another type.
    public func state<State: Sendable>(as type: State.Type = State.self) throws(IPCError) -> State {
        if let state = stored as? State { return state }
        throw IPCError(
            .invalidArgument,
            "use the state of a worker: "
                + (stored.map { "setUp made a \(Swift.type(of: $0))" } ?? "it has none, give serveIfSpawned a setUp"),
            object: "\(type)")
    }

    /// Tells the caller how far the task is: `fraction` from 0 to 1, and a few words if you like.
    ///
    /// It costs a lock and waits for nothing. What is told more often than about every millisecond is passed over but
    /// for the last; so is everything from tasks that are over sooner than that.
    public func reportProgress(_ fraction: Double, _ note: String = "") {
        reporter?(TaskProgress(fraction: fraction, note: note))
    }

    /// The same as so many of so many.
    public func reportProgress(_ completed: Int, of total: Int, _ note: String = "") {
        reportProgress(total > 0 ? Double(completed) / Double(total) : 0, note)
    }
}

/// How far one task is.
public struct TaskProgress: Sendable, Hashable {
    /// From 0 to 1.
    public let fraction: Double
    /// What it is doing, as it says.
    public let note: String

    static let longestNote = 512

    init(fraction: Double, note: String) {
        self.fraction = fraction.isFinite ? min(1, max(0, fraction)) : 0
        self.note = String(decoding: note.utf8.prefix(Self.longestNote), as: UTF8.self)
    }

    /// Its form on the wire: the bits of the fraction, then the note.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        CallWire.append(fraction.bitPattern, to: &bytes)
        return bytes + Array(note.utf8)
    }

    init?(_ body: RawSpan) {
        guard body.byteCount >= 8, body.byteCount <= 8 + 4 * Self.longestNote else { return nil }
        let note = [UInt8](body.extracting(8..<body.byteCount))
        self.init(
            fraction: Double(bitPattern: body.load(UInt64.self, at: 0)), note: String(decoding: note, as: UTF8.self))
    }
}
