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
        /// Messages with answers that it had not sent, or not certainly.
        var messages: [[UInt8]]
    }

    /// Reads what is there. A worker that went wild may have written anything: lengths are checked here, and the frames
    /// by whoever reads them.
    func read() -> Remains {
        let header = (try? FileCalls.read(file.number, at: 0, size: 24)) ?? []
        guard header.count == 24 else { return Remains(running: nil, messages: []) }
        let words = unsafe header.span.bytes
        let running = words.load(UInt64.self, at: JournalLayout.runningOffset)
        var messages: [[UInt8]] = []
        for half in 0..<2 {
            let length = words.load(UInt64.self, at: JournalLayout.lengthOffsets[half])
            guard length > 0, length <= UInt64(JournalLayout.halfSize) else { continue }
            let bytes = try? FileCalls.read(
                file.number, at: JournalLayout.halfOffsets[half], size: Int(length))
            if let bytes { messages.append(bytes) }
        }
        return Remains(running: running == 0 ? nil : running, messages: messages)
    }
}

/// An open file as it goes to a child: one descriptor and nothing to say about it.
struct InheritedFile: DescriptorTransferable {
    private let descriptor: PassedDescriptor

    init(_ descriptor: PassedDescriptor) {
        self.descriptor = descriptor
    }

    consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        TransferredDescriptors(descriptors: [descriptor])
    }

    static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> InheritedFile {
        guard transferred.descriptors.count == 1 else {
            throw IPCError(
                .invalidArgument, "take a file from the parent: \(transferred.descriptors.count) descriptors")
        }
        return InheritedFile(transferred.descriptors[0])
    }

    /// The number, which the caller must close; nil when it was taken before.
    func take() -> Int32? { descriptor.take() }
}
