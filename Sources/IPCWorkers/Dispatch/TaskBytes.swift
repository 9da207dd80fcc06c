/// An encoded value: inside a buffer that it shares with those that were encoded or received together, or, if it is large,
/// in a file of its own. With the descriptors that belong to it.
struct TaskBytes: Sendable {
    let buffer: [UInt8]
    let range: Range<Int>
    var file: SealedFile?
    var descriptors: [PassedDescriptor] = []

    init(_ buffer: [UInt8], _ range: Range<Int>) {
        self.buffer = buffer
        self.range = range
    }

    init(_ buffer: [UInt8]) {
        self.init(buffer, 0..<buffer.count)
    }

    init(_ file: SealedFile) {
        self.init([])
        self.file = file
    }

    /// Bytes of the value, wherever it is.
    var count: Int { file?.byteCount ?? range.count }

    /// Whether something goes beside the frame.
    var hasParcel: Bool { file != nil || !descriptors.isEmpty }

    /// The value; of a file, on the side that received it.
    var span: RawSpan {
        @_lifetime(borrow self)
        get {
            if let file { return unsafe _overrideLifetime(file.span, borrowing: self) }
            return unsafe buffer.span.bytes.extracting(range)
        }
    }

    /// The same with what a parcel brought.
    func adding(_ parcel: Parcel) -> TaskBytes {
        var result = self
        result.file = parcel.file
        result.descriptors = parcel.descriptors
        return result
    }
}

/// What became of a task.
enum TaskOutcome: Sendable {
    /// It ran, and this is its encoded output; empty for a stream that has ended.
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
