import IPCSystem

/// The parent's view of a worker's journal: made before the worker, read after its death.
final class Journal: Sendable {
    private let file: OwnedDescriptor

    init() throws(IPCError) {
        file = OwnedDescriptor(
            owning: try mapping("make the journal of a worker") { () throws(SystemCallError) in
                let file = try MemoryCalls.makeFile("swift-ipc-worker")
                try FileCalls.truncate(file.number, to: JournalLayout.fileSize)
                return file.release()
            })
    }

    /// The file, to give to the worker.
    func duplicate() throws(IPCError) -> InheritedFile {
        InheritedFile(try PassedDescriptor(duplicating: file.number))
    }

    /// What a dead worker left behind.
    struct Remains: Sendable {
        /// The task that ran when it died.
        var running: UInt64?
        /// Why it ended itself, if it did so for that task.
        var verdict: WorkerVerdict?
        /// Messages with answers that it had not sent, or not certainly; the older ones first, since the elements of a
        /// stream and its end may be in both halves.
        var messages: [[UInt8]]
    }

    /// Reads what is there. A worker that went wild may have written anything: lengths are checked here, and the frames
    /// by whoever reads them.
    func read() -> Remains {
        guard let header = readHeader() else { return Remains(running: nil, messages: []) }
        let words = unsafe header.span.bytes
        let running = words.load(UInt64.self, at: JournalLayout.runningOffset)
        var verdict: WorkerVerdict?
        if running != 0, words.load(UInt64.self, at: JournalLayout.judgedOffset) == running {
            verdict = WorkerVerdict(
                number: words.load(UInt64.self, at: JournalLayout.reasonOffset),
                byteCount: words.load(UInt64.self, at: JournalLayout.memoryOffset))
        }
        var messages: [[UInt8]] = []
        let older = words.load(UInt64.self, at: JournalLayout.olderOffset) == 1 ? 1 : 0
        for half in [older, 1 - older] {
            let length = words.load(UInt64.self, at: JournalLayout.lengthOffsets[half])
            guard length > 0, length <= UInt64(JournalLayout.halfSize) else { continue }
            let bytes = try? FileCalls.read(
                file.number, at: JournalLayout.halfOffsets[half], size: Int(length))
            if let bytes { messages.append(bytes) }
        }
        return Remains(running: running == 0 ? nil : running, verdict: verdict, messages: messages)
    }

    /// Which task runs, and since when, while the worker lives.
    func running() -> (id: UInt64, start: UInt64)? {
        guard let header = readHeader() else { return nil }
        let words = unsafe header.span.bytes
        let id = words.load(UInt64.self, at: JournalLayout.runningOffset)
        return id == 0 ? nil : (id, words.load(UInt64.self, at: JournalLayout.startOffset))
    }

    private func readHeader() -> [UInt8]? {
        guard let header = try? FileCalls.read(file.number, at: 0, size: JournalLayout.headerSize),
            header.count == JournalLayout.headerSize
        else { return nil }
        return header
    }
}
