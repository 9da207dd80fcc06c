import IPCCore
import IPCSystem

/// One region that this process takes part in: the first mapping of it, which stays until the last user has gone, because
/// the nodes of the keeper's list lie below it.
final class Attachment: Sendable {
    /// Which file it is.
    struct FileKey: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
    }

    let key: FileKey
    let memory: MappedMemory
    let table: ParticipantTable
    /// Another descriptor of the region's file: for its lock, whatever becomes of the caller's.
    let file: OwnedDescriptor
    let keeper: Keeper
    /// The process that it belongs to: the child of a fork has another one.
    let process: ParticipantProcess

    private let state = Lock(AttachmentState())
    /// The place, or why there is none.
    let arrival = Outcome<Result<ParticipantPlace, IPCError>>()
    /// Comes when the slot is given back, or was never had.
    let departure = Outcome<Void>()

    init(
        key: FileKey, memory: MappedMemory, table: ParticipantTable, file: consuming OwnedDescriptor, keeper: Keeper,
        process: ParticipantProcess
    ) {
        self.key = key
        self.memory = memory
        self.table = table
        self.file = file
        self.keeper = keeper
        self.process = process
    }

    /// One more user; false when it is leaving, or others have declared it dead.
    func retain() -> Bool {
        if case .success(let place) = arrival.value, !table.isIn(place) { return false }
        return state.withLock { $0.retain() }
    }

    /// Whether the slot is being given back.
    var isLeaving: Bool { state.withLock { $0.phase == .leaving } }

    /// One user less. The last one has the keeper give the slot back.
    func release() {
        if state.withLock({ $0.release() }) == .detach { keeper.post(.detach(self)) }
    }

    /// Whether anybody still wants the keeper to attach.
    func mayAttach() -> Bool { state.withLock { $0.mayAttach() } }

    /// The keeper has a slot.
    func didAttach(_ place: ParticipantPlace) {
        let action = state.withLock { $0.didAttach() }
        arrival.settle(.success(place))
        if action == .detach { keeper.post(.detach(self)) }
    }

    /// It is over: the slot is given back, or `error` says why there was none.
    func didEnd(_ error: IPCError?) {
        state.withLock { $0.didEnd() }
        process.forget(self)
        arrival.settle(.failure(error ?? .closed("attach to a shared region")))
        departure.settle(())
    }
}
