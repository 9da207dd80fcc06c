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
                let unreceived = await takeParcels(of: &found, from: worker)
                try pool.step { (shared, step) throws(IPCError) in
                    try shared.dispatcher.answered(
                        index, found.answers, at: MonotonicClock.nanoseconds, into: &step)
                }
                found.answers.removeAll(keepingCapacity: true)
                if let unreceived { throw unreceived }
                if let broken { throw broken }
                if count == nil { throw IPCError(.peerClosed, "the worker left") }
            }
        } catch {
            return error
        }
    }

    /// Adds the parcels to the answers that have some. An answer whose parcel cannot be received or opened says so: its
    /// task is done and is not to be run again, and the other answers count.
    ///
    /// - Returns: why no more parcels can come, if so.
    private func takeParcels(of found: inout Answers, from worker: WorkerProcess) async -> IPCError? {
        var end: IPCError?
        for place in found.withParcel {
            let answer = found.answers[place]
            guard case .value(let bytes) = answer.kind else { continue }
            if let end {
                found.answers[place].kind = .lost(end)
                continue
            }
            do throws(IPCError) {
                switch try await worker.parcels.take(answer.id, until: .after(Self.parcelLimit)) {
                case .success(let parcel): found.answers[place].kind = .value(bytes.adding(parcel))
                case .failure(let error): found.answers[place].kind = .lost(error)
                }
            } catch {
                let error = error.code == .timedOut ? CallWire.violation("no parcel of task \(answer.id)") : error
                end = error
                found.answers[place].kind = .lost(error)
            }
        }
        found.withParcel.removeAll()
        return end
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
