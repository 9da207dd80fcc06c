import IPCSockets
import IPCSystem

// What workers say.
extension WorkerLane {
    typealias Answer = Dispatcher<WorkerPool.TaskOwner>.Answer

    /// Answers in the order in which they were given, and which of them have parcels.
    struct Answers {
        var answers: [Answer] = []
        var withParcel: [Int] = []
    }

    /// How long a parcel may take that was sent before its answer.
    private static let parcelLimit: Duration = .seconds(10)

    /// Reads answers until there are no more.
    ///
    /// - Returns: why.
    func read(_ worker: WorkerProcess) async -> IPCError {
        var found = Answers()
        do throws(IPCError) {
            while true {
                var broken: IPCError?
                let count = try await worker.channel.receive(upTo: 64, until: .never) { message in
                    if broken == nil { broken = WorkerLane.read(message, into: &found) }
                }
                try await takeParcels(of: &found, from: worker)
                try pool.step { (shared, step) throws(IPCError) in
                    try shared.dispatcher.answered(
                        index, found.answers, at: MonotonicClock.nanoseconds, into: &step)
                }
                found.answers.removeAll(keepingCapacity: true)
                if let broken { throw broken }
                if count == nil { throw IPCError(.peerClosed, "the worker left") }
            }
        } catch {
            return error
        }
    }

    private func takeParcels(of found: inout Answers, from worker: WorkerProcess) async throws(IPCError) {
        for place in found.withParcel {
            let id = found.answers[place].id
            let parcel: Parcel
            do throws(IPCError) {
                parcel = try await worker.parcels.take(id, until: .after(Self.parcelLimit))
            } catch {
                guard error.code == .timedOut else { throw error }
                throw CallWire.violation("no parcel of task \(id)")
            }
            if case .value(let bytes) = found.answers[place].kind {
                found.answers[place].kind = .value(bytes.adding(parcel))
            }
        }
        found.withParcel.removeAll()
    }

    /// What a message of a worker says, appended to `found`.
    static func read(_ message: RawSpan, into found: inout Answers) -> IPCError? {
        let buffer = [UInt8](message)
        do throws(IPCError) {
            try CallWire.forEachRange(of: message) { (header, range) throws(IPCError) in
                let body = message.extracting(range)
                let kind: Answer.Kind
                switch header.kind {
                case .reply: kind = .value(TaskBytes(buffer, range))
                case .replyWithParcel:
                    found.withParcel.append(found.answers.count)
                    kind = .value(TaskBytes(buffer, range))
                case .end: kind = .value(TaskBytes([]))
                case .failure: kind = .failed(try CallWire.readFailure(body))
                case .declined: kind = .declined
                case .item:
                    guard range.count >= 8 else { throw CallWire.violation("an item of \(range.count) bytes") }
                    let number = body.load(UInt64.self, at: 0)
                    kind = .item(number, TaskBytes(buffer, range.lowerBound + 8..<range.upperBound))
                case .progress:
                    guard let progress = TaskProgress(body) else { throw CallWire.violation("progress that is none") }
                    kind = .progress(progress)
                default: throw CallWire.violation("a frame of kind \(header.kind) from a worker")
                }
                found.answers.append(Answer(id: header.id, kind: kind))
            }
            return nil
        } catch {
            return error
        }
    }
}
