import IPCMessageQueue
import IPCSharedMemory
import IPCSystem

/// What mailbox a storm is about.
enum MailboxStormKind: String {
    /// A broadcast that suspends.
    case all
    /// A broadcast that drops the oldest.
    case newest
    /// Shared work that suspends.
    case work
    /// Shared work that drops the oldest.
    case oldest
    /// Shared work that refuses what it has no room for.
    case fail
    /// Shared work that drops what it has no room for.
    case drop
    /// Questions and answers over shared work.
    case ask

    var isBroadcast: Bool { self == .all || self == .newest }

    var options: MailboxOptions {
        let overflow: MailboxOverflow =
            switch self {
            case .all, .work, .ask: .suspend
            case .newest, .oldest: .dropOldest
            case .fail: .fail
            case .drop: .dropNewest
            }
        return MailboxOptions(
            delivery: isBroadcast ? .broadcast : .workSharing, whenFull: overflow,
            capacity: .bounded(messages: 40, byteCount: 64 << 10), maximumMessageSize: 12000, maximumDeliveries: nil,
            maximumProcesses: 24, maximumReceivers: 16)
    }
}

/// What the processes of a storm of mailboxes share.
struct MailboxStormFacts: Sendable {
    let name: String
    let kind: MailboxStormKind
    let asTasks: Bool
    let tally: StormTally
    /// What became of each message.
    let record: QueueStormRecord
    /// Which message comes before each, as the first who sees it sees it.
    let order: QueueStormRecord
    /// By which another process finds all this.
    let arguments: [String]

    init(
        name: String, kind: String, folder: String, seed: String, _ opening: CreationIntent, asTasks: Bool
    ) throws {
        guard let known = MailboxStormKind(rawValue: kind) else { throw Wrong("no kind \(kind)") }
        func open(_ what: String) throws -> QueueStormRecord {
            QueueStormRecord(
                memory: try SharedMemory(
                    at: .file("\(folder)/\(what)-\(seed)"), opening, byteCount: 4096 + QueueStormRecord.limit * 8))
        }
        (self.name, self.kind, self.asTasks) = (name, known, asTasks)
        record = try open("record")
        order = try open("order")
        tally = try StormTally(besides: "\(folder)/mailbox-\(seed)", opening)
        arguments = [name, kind, folder, seed]
    }

    /// Set when everybody but the witness is dead.
    var isOver: SharedAtomic { get throws { try record.count(9) } }
    var witnessed: SharedAtomic { get throws { try record.count(10) } }
    var isWitnessReady: SharedAtomic { get throws { try record.count(11) } }
    var answered: SharedAtomic { get throws { try record.count(12) } }
}
