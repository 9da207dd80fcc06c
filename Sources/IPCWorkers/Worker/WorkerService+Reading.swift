import IPCSockets
import IPCSystem

// What comes from the pool.
extension WorkerService {
    /// Reads what there is, in the reading role that the desk has given out.
    func read() async throws(IPCError) {
        defer { desk.withLock { $0.didRead() }?.wake() }
        var broken: IPCError?
        let count = try await channel.receive(upTo: 64, until: .never) { message in
            if broken == nil { broken = self.take(message) }
        }
        if let broken { throw broken }
        if count == nil { desk.withLock { $0.inputEnded() }?.cancel() }
    }

    /// Puts what a message brings on the desk.
    func take(_ message: RawSpan) -> IPCError? {
        let buffer = [UInt8](message)
        var requests: [WorkerDesk.Request] = []
        var cancelled: [UInt64] = []
        var credits: [(UInt64, UInt32)] = []
        do throws(IPCError) {
            try CallWire.forEachRange(of: message) { (header, range) throws(IPCError) in
                switch header.kind {
                case .request:
                    requests.append(try Self.request(header.id, message.extracting(range), buffer, range))
                case .cancel:
                    cancelled.append(header.id)
                case .credit:
                    credits.append((header.id, try CallWire.readCredit(message.extracting(range))))
                default:
                    throw CallWire.violation("a frame of kind \(header.kind) to a worker")
                }
            }
        } catch {
            return error
        }
        let toCancel = desk.withLock { desk in
            for request in requests { desk.arrived(request) }
            for (id, count) in credits { desk.arrivedCredit(count, for: id) }
            return cancelled.compactMap { desk.cancel($0) }
        }
        for runner in toCancel { runner.cancel() }
        if !credits.isEmpty { signalOutlet() }
        return nil
    }

    private static func request(
        _ id: UInt64, _ body: RawSpan, _ buffer: [UInt8], _ range: Range<Int>
    ) throws(IPCError) -> WorkerDesk.Request {
        let fields = try CallWire.readRequest(body)
        var start = range.lowerBound + CallWire.requestFieldsSize
        var timeLimit: UInt64?
        if fields.method & TaskRequest.hasTimeLimit != 0 {
            guard body.byteCount >= CallWire.requestFieldsSize + 8 else {
                throw CallWire.violation("a limit is missing")
            }
            timeLimit = body.load(UInt64.self, at: CallWire.requestFieldsSize)
            start += 8
        }
        return WorkerDesk.Request(
            id: id, method: Int(fields.method & TaskRequest.typeMask),
            deadline: .after(nanoseconds: fields.remaining), bytes: TaskBytes(buffer, start..<range.upperBound),
            hasParcel: fields.method & TaskRequest.hasParcel != 0, timeLimit: timeLimit, window: fields.window)
    }

    // MARK: Credit for streams

    /// Waits until the task may send an item, and reads the channel meanwhile if nobody does.
    ///
    /// - Returns: the number of the item.
    /// - Throws: `.cancelled`; `.closed` when the task is over; `.peerClosed`.
    func awaitCredit(_ id: UInt64, _ point: WaitPoint) async throws(IPCError) -> UInt64 {
        while true {
            if Task.isCancelled { throw .cancelled("emit") }
            switch desk.withLock({ $0.takeCredit(for: id) }) {
            case .granted(let number): return number
            case .over: throw IPCError(.closed, "emit: the task is over")
            case .none: break
            }
            if desk.withLock({ $0.emitterMayRead() }) {
                try await read()
            } else {
                try await point.wait(until: .never, "emit")
            }
        }
    }
}
