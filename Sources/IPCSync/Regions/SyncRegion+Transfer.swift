public import IPCCore
import IPCSharedMemory

/// One descriptor and the state of its ``SyncRegion/memory``, so that either may be given away.
extension SyncRegion: DescriptorTransferable {
    /// The region for another process: an anonymous one. This object goes on.
    ///
    /// - Throws: `.unsupported` for a region with a name, which the other side can open; `.resourceExhausted`.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        try memory.transfer(for: .readWrite)
    }

    /// Takes part in a region that came from another process.
    ///
    /// - Throws: `.decodingFailed` when this is no region of objects; as `SharedMemory.receive` does; as
    ///   ``init(at:_:options:until:)``.
    public static func receive(
        _ transferred: TransferredDescriptors, until deadline: Deadline = .never
    ) async throws(IPCError) -> SyncRegion {
        try await SyncRegion(try memory(transferred), until: deadline)
    }

    /// The same on a thread that may block: taking part waits for a thread of this library, mostly some 0.1 ms, and ten
    /// seconds at most (`.timedOut`) for somebody who was stopped while he came or went. In a task call
    /// ``receive(_:until:)``.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> SyncRegion {
        try SyncRegion(blocking: try memory(transferred), until: .after(.seconds(10)))
    }

    private static func memory(_ transferred: TransferredDescriptors) throws(IPCError) -> SharedMemory {
        guard let passed = transferred.descriptors.first, transferred.descriptors.count == 1 else {
            throw IPCError(.decodingFailed, "receive a region of objects: this is not the state of one")
        }
        return try SharedMemory.receive(passed, .readWrite, nil, layout, slotCount: 1)
    }
}
