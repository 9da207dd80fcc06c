import IPCCore
import IPCSystem
import Synchronization

/// What this process has of regions and keepers. The child of a fork gets another one: no thread of the parent's runs in
/// it, and the locks of the parent's may be held for ever.
final class ParticipantProcess: Sendable {
    private struct State {
        var attachments: [Attachment.FileKey: Attachment] = [:]
        var keepers: [Keeper] = []
    }

    /// Differs from that of every ancestor by fork.
    let identity: UInt64
    let departures = DepartureThread()
    private let state = Lock(State())

    private init(identity: UInt64) { self.identity = identity }

    private static let known = Atomic<UInt>(0)
    private static let identities = Atomic<UInt64>(0)

    /// That of the process that calls this.
    static func current() throws(IPCError) -> ParticipantProcess {
        try mapping("take part in a shared region") { () throws(SystemCallError) in
            while true {
                let identity = try ProcessIdentity.current()
                if identity != 0, let process = stored, process.identity == identity { return process }
                try ProcessIdentity.establish {
                    let process = ParticipantProcess(
                        identity: identities.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue)
                    // Kept for ever: handles of the parent's may still look at the old one.
                    let bits = unsafe UInt(bitPattern: Unmanaged.passRetained(process).toOpaque())
                    known.store(bits, ordering: .sequentiallyConsistent)
                    return process.identity
                }
            }
        }
    }

    private static var stored: ParticipantProcess? {
        guard let address = unsafe UnsafeRawPointer(bitPattern: known.load(ordering: .acquiring)) else { return nil }
        // SAFETY: the word holds a reference that is never released.
        return unsafe Unmanaged<ParticipantProcess>.fromOpaque(address).takeUnretainedValue()
    }

    /// Whether this is the process that runs. It takes no lock, so it may be asked in the child of a fork.
    var isCurrent: Bool { (try? ProcessIdentity.current()) == identity }

    /// The attachment to the region in `memory`, which is a mapping of `file`: the one that there is, with one more user,
    /// or a new one for which the keeper has been asked.
    func join(_ memory: MappedMemory, file: Int32, slotCount: Int) throws(IPCError) -> Attachment {
        let (status, copy) = try mapping("attach to a shared region") { () throws(SystemCallError) in
            (try FileCalls.status(of: file), try DescriptorCalls.duplicate(file))
        }
        let descriptor = OwnedDescriptor(owning: copy)
        let key = Attachment.FileKey(device: status.device, inode: status.inode)
        let table = ParticipantTable(memory.bytes, slotCount: slotCount)
        let number = descriptor.release()
        let (attachment, isNew) = state.withLock { state -> (Attachment, Bool) in
            let before = state.attachments[key]
            if let before, before.retain() { return (before, false) }
            // The keeper of one that is leaving serves the two one after the other, so that the process has one slot.
            let keeper = before.flatMap { $0.isLeaving ? $0.keeper : nil } ?? Self.keeper(with: &state)
            keeper.reserve()
            let attachment = Attachment(
                key: key, memory: memory, table: table, file: OwnedDescriptor(owning: number), keeper: keeper,
                process: self)
            state.attachments[key] = attachment
            return (attachment, true)
        }
        guard isNew else {
            _ = OwnedDescriptor(owning: number)
            return attachment
        }
        attachment.keeper.post(.attach(attachment))
        return attachment
    }

    private static func keeper(with state: inout State) -> Keeper {
        if let keeper = state.keepers.first(where: { $0.hasRoom }) { return keeper }
        let keeper = Keeper()
        state.keepers.append(keeper)
        return keeper
    }

    /// Drops an attachment that has ended.
    func forget(_ attachment: Attachment) {
        state.withLock { state in
            if state.attachments[attachment.key] === attachment { state.attachments[attachment.key] = nil }
        }
        attachment.keeper.unreserve()
    }

    /// How many keeper threads there are.
    var keeperCount: Int { state.withLock { $0.keepers.count } }
}
