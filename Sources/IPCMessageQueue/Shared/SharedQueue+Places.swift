public import IPCCore
public import IPCSharedMemory

/// Finding queues, passing them on, and keeping them.
extension SharedQueue {
    /// The named queues of this machine, whoever made them. Files are not listed: they may be anywhere.
    ///
    /// - Throws: as `SharedMemory.list`.
    public static func list() throws(IPCError) -> [SharedMemoryListing] {
        try SharedMemory.list().filter { $0.layout?.name == QueueShape.layout.name }
    }

    /// Removes the name, or the file. Those who have it open go on using the queue.
    ///
    /// - Throws: `.notFound`, `.permissionDenied`; `.typeMismatch` when a named region is something else, which stays.
    public static func remove(_ place: SharedMemoryPlace) throws(IPCError) {
        let others = place.isFile ? [] : (try? SharedMemory.list()) ?? []
        if let found = others.first(where: { $0.place == place }), found.layout?.name != QueueShape.layout.name {
            throw IPCError(
                .typeMismatch, "remove a shared queue: \(place.name) is something else", object: place.name)
        }
        try SharedMemory.remove(place)
    }

    /// Writes the queue to the disk, for one in a file, and waits until it is there. msync(2).
    ///
    /// The kernel writes what changes to the disk by and by, so that a queue in a file is as it was after an orderly restart.
    /// After a power failure this holds:
    ///
    /// - a message that was sent before this call began, and was not received, is there;
    /// - what was sent or received since may be there or not: a message may come again, and one that is not whole is dropped
    ///   (``SharedQueueStatus/damaged``), by its checksum;
    /// - a message that was leased is given again and counted.
    ///
    /// - Throws: `.unsupported` for a queue that is not in a file; what the disk says.
    public func flush() async throws(IPCError) {
        try core.checkOpen("flush a shared queue")
        try await core.memory.flush()
    }
}

/// One descriptor and no state.
extension SharedQueue: DescriptorTransferable {
    /// The queue for another process: an anonymous one. This object goes on.
    ///
    /// - Throws: `.unsupported` for a queue with a name, which the other side can open; `.resourceExhausted`.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        let passed = try core.memory.transfer()
        return TransferredDescriptors(descriptors: passed.descriptors, state: [])
    }

    /// Takes part in the queue on the other side.
    ///
    /// - Throws: `.decodingFailed` when this is no queue; as `SharedMemory.receive` does; as the initializer.
    public static func receive(
        _ transferred: TransferredDescriptors, until deadline: Deadline = .never
    ) async throws(IPCError) -> SharedQueue {
        try await SharedQueue(try memory(transferred), until: deadline)
    }

    /// The same on a thread that may block: taking part waits for a thread of this library, mostly some 0.1 ms, and ten
    /// seconds at most (`.timedOut`) for somebody who was stopped while he came or went. In a task call
    /// ``receive(_:until:)``.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> SharedQueue {
        try SharedQueue(blocking: try memory(transferred), until: .after(.seconds(10)))
    }

    private static func memory(_ transferred: TransferredDescriptors) throws(IPCError) -> SharedMemory {
        guard let passed = transferred.descriptors.first, transferred.descriptors.count == 1 else {
            throw IPCError(.decodingFailed, "receive a shared queue: this is not the state of one")
        }
        return try SharedMemory.receive(
            passed, .readWrite, nil, QueueShape.layout, slotCount: 1, mayHaveHoles: true)
    }
}
