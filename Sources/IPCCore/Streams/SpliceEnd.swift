import IPCSystem

/// One side of a move: a stream's descriptor, or one that the caller brought.
struct SpliceEnd: Sendable {
    let number: Int32
    /// Where to wait for it; nil for a file, which is always ready and may make its caller wait for a disk.
    let registration: Registration?
    /// A FIFO whose first end of input may be none.
    let stream: StreamDescriptor?

    var isFile: Bool { registration == nil }

    init(_ stream: StreamDescriptor) {
        number = stream.number
        registration = stream.registration
        self.stream = stream
    }

    private init(number: Int32, registration: Registration?) {
        self.number = number
        self.registration = registration
        stream = nil
    }

    /// Runs `body` with a side made of a duplicate of `descriptor`, which stays the caller's.
    static func with<Value>(
        _ descriptor: PassedDescriptor, engine: WaitEngine, _ body: (SpliceEnd) async throws(SpliceError) -> Value
    ) async throws(SpliceError) -> Value {
        let number: Int32
        var registration: Registration?
        do throws(IPCError) {
            guard let borrowed = descriptor.borrowedNumber else {
                throw IPCError(.invalidArgument, "splice: the descriptor was taken before")
            }
            let copy = try mapping("splice") { () throws(SystemCallError) in
                OwnedDescriptor(owning: try DescriptorCalls.duplicate(borrowed))
            }
            let kind = try mapping("splice") { () throws(SystemCallError) in
                try FileCalls.status(of: copy.number).kind
            }
            if kind != .regular {
                try mapping("splice") { () throws(SystemCallError) in try DescriptorCalls.setNonblocking(copy.number) }
                registration = try engine.register(copy.number)
            }
            number = copy.release()
        } catch {
            throw SpliceError(movedByteCount: 0, error: error)
        }
        defer {
            if let registration { engine.unregister(registration) }
            closeDescriptor(number)
        }
        return try await body(SpliceEnd(number: number, registration: registration))
    }

    /// Whether the side is ready now to give (or take) bytes, or has come to its end.
    func isReady(giving: Bool) throws(IPCError) -> Bool {
        guard !isFile else { return true }
        return try mapping("splice") { () throws(SystemCallError) in
            try !PipeCalls.readiness(number, for: giving ? .readable : .writable).isEmpty
        }
    }

    func wait(giving: Bool, until deadline: Deadline) async throws(IPCError) {
        guard let registration else { return }
        if giving {
            try await registration.waitReadable(until: deadline, "splice")
        } else {
            try await registration.waitWritable(until: deadline, "splice")
        }
    }
}
