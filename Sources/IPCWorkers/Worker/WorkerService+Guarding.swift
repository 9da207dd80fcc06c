import IPCSockets
import IPCSystem

// The guardian's part.
extension WorkerService {
    /// A task takes long: send what lies here, end the process if the task has gone too far, look for cancellation, hand
    /// back what waits. Never waits itself.
    func attend() {
        flushNow()
        judge()
        if desk.withLock({ $0.guardianMayRead() }) {
            let isOver = readNow()
            let (sleeper, runner) = desk.withLock { ($0.didRead(), isOver ? $0.inputEnded() : nil) }
            sleeper?.wake()
            // A streaming task may wait for credit, or for its turn to read.
            signalOutlet()
            runner?.cancel()
        }
        // Also where a streaming task reads while it waits for credit: what it has read waits behind it.
        handBack()
        tellProgress()
        flushNow()
    }

    /// Ends the process while the task runs that is to blame: nothing else begins as long as the desk is locked.
    private func judge() {
        let memory = briefing.memoryLimit == nil ? 0 : ProcessMemory.resident()
        desk.withLock { desk in
            let verdict = desk.verdict(
                at: MonotonicClock.nanoseconds, grace: briefing.cancellationGrace, memoryLimit: briefing.memoryLimit,
                memory: memory)
            guard let verdict, let id = desk.running else { return }
            journal.noteVerdict(verdict, on: id)
            ProcessExit.leaveAtOnce(1)
        }
    }

    /// Takes in what has arrived. When the parent is gone, or the channel is, nothing that the task does can reach
    /// anybody: the process ends here and now, and if there is a parent its journal says under which task.
    ///
    /// - Returns: whether the parent has finished.
    private func readNow() -> Bool {
        do throws(IPCError) {
            while true {
                switch try channel.tryReceive() {
                case .message(let message): if let broken = unsafe take(message.span.bytes) { throw broken }
                case .empty: return false
                case .finished: return true
                }
            }
        } catch {
            if error.code != .peerClosed { StandardErrorLine.write("worker \(index): \(error)") }
            ProcessExit.leaveAtOnce(1)
            return true
        }
    }

    private func handBack() {
        let requests = desk.withLock { $0.takeUnstarted() }
        for (position, request) in requests.enumerated() {
            guard note(.declined, request.id, RawSpan()) else {
                // The journal is full, because the parent does not read: they stay here.
                desk.withLock { desk in
                    for request in requests[position...] { desk.arrived(request) }
                }
                return
            }
            if request.hasParcel { parcels.forget(request.id) }
        }
    }

    /// The last of what the task said. Where the journal has no room, the next will do.
    private func tellProgress() {
        guard let (id, progress) = desk.withLock({ $0.takeProgress() }) else { return }
        let bytes = progress.bytes
        _ = unsafe note(.progress, id, bytes.span.bytes)
    }

    private func flushNow() {
        let journal = journal
        while true {
            let stage: StreamSender.Stage
            // Where the channel is broken the half stays in the journal.
            switch beginSending() {
            case .send(let half, let count):
                stage = (try? channel.sender.begin(journal.bytes(ofHalf: half, count: count))) ?? .waiting
                didSend(half, stage)
            case .goOn(let half):
                stage = (try? channel.sender.sendMore()) ?? .waiting
                didSend(half, stage)
            case .nothing, .busy: return
            }
            if stage != .sent { return }
        }
    }
}
