/// An encoded value inside a buffer that it shares with those that were encoded or received together.
struct TaskBytes: Sendable {
    let buffer: [UInt8]
    let range: Range<Int>

    init(_ buffer: [UInt8], _ range: Range<Int>) {
        self.buffer = buffer
        self.range = range
    }

    init(_ buffer: [UInt8]) {
        self.init(buffer, 0..<buffer.count)
    }

    var count: Int { range.count }

    var span: RawSpan {
        @_lifetime(borrow self)
        get { unsafe buffer.span.bytes.extracting(range) }
    }
}

/// What became of a task.
enum TaskOutcome: Sendable {
    /// It ran, and this is its encoded output.
    case value(TaskBytes)
    /// It ran and threw.
    case failed(CallFailure)
    /// It was not run, or not to its end: its worker died, the pool is closed, nobody serves it.
    case lost(IPCError)

    /// Why there is no output; nil when there is.
    var error: IPCError? {
        switch self {
        case .value: nil
        case .failed(let failure): failure.error
        case .lost(let error): error
        }
    }
}
