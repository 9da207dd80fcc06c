public import IPCSync
import IPCSystem

extension ServerWorker {
    /// Takes part in a region of locks that ``MultiProcessServerOptions/sharing`` gave to this worker.
    ///
    /// ```swift
    /// // In the parent:
    /// let region = try await SyncRegion()
    /// options.sharing = { [region.memory] }
    /// // In the worker:
    /// let region = try await worker.syncRegion(0)
    /// let counter = try region.mutex("counter", of: Int.self, initial: 0)
    /// ```
    ///
    /// What a worker held when it was killed is for the others, as with every object of `IPCSync`. A region with a name can
    /// also be opened by that, without being shared here.
    ///
    /// - Throws: as ``endpoint(_:as:)`` and `SyncRegion.receive(_:until:)`.
    public func syncRegion(_ index: Int, until deadline: Deadline = .never) async throws(IPCError) -> SyncRegion {
        try await SyncRegion.receive(try endpoint(index, as: InheritedState.self).transferred, until: deadline)
    }
}

/// An endpoint as it came, for those who make something of it themselves.
private struct InheritedState: DescriptorTransferable {
    let transferred: TransferredDescriptors

    consuming func transfer() throws(IPCError) -> TransferredDescriptors { transferred }

    static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> InheritedState {
        InheritedState(transferred: transferred)
    }
}
