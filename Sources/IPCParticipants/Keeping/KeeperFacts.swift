import IPCCore
import Synchronization

/// What tests ask of this process's keepers.
package enum KeeperFacts {
    static let late = Atomic<UInt64>(0)

    /// How many deaths a keeper found only because its sleep had come to its end: a wake-up was lost, or came late.
    package static var lateAnnouncements: UInt64 { late.load(ordering: .relaxed) }

    /// How many keeper threads this process has.
    package static var keeperCount: Int {
        get throws(IPCError) { try ParticipantProcess.current().keeperCount }
    }
}
