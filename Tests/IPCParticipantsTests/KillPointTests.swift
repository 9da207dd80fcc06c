import IPCCore
import IPCParticipants
import IPCProcess
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// A process dies after each step of coming, going and sweeping: others go on, a newcomer gets in, and every death becomes
/// known.
@Suite(.watched) struct KillPointTests {
    /// What the process does that dies.
    enum Way: Sendable {
        /// It comes to an empty table.
        case coming
        /// It comes to a table of one slot, whose owner is dead.
        case recycling
        /// It comes to a table with a death that nobody has seen.
        case sweeping
        /// The same, and nobody can tell yet whether all threads of the dead are gone.
        case sweepingEarly
        /// It comes and goes.
        case going
        /// It comes to a table of an earlier boot.
        case afterBoot
    }

    struct Point: Sendable, CustomStringConvertible {
        let name: String
        let way: Way
        var passage = 1

        var description: String { "\(name) \(way)" }
    }

    static let all: [Point] =
        [
            "attach-locked", "attach-pending", "attach-generation", "attach-token", "attach-prepared", "attach-linked",
            "attach-listed", "attach-unlocked", "roster-counted", "roster-woke", "keeper-swept", "keeper-watches",
        ].map { Point(name: $0, way: .coming) }
        + [
            "recycle-announced", "recycle-freed", "counted", "woke", "attach-pending", "attach-generation",
            "attach-token",
        ].map { Point(name: $0, way: .recycling) }
        + ["sweep-token", "counted", "woke", "sweep-marked"].map { Point(name: $0, way: .sweeping) }
        + ["sweep-token", "sweep-gone"].map { Point(name: $0, way: .sweepingEarly) }
        + ["counted", "woke"].map { Point(name: $0, way: .sweepingEarly, passage: 2) }
        + [
            "detach-locked", "detach-pending", "detach-unlinked", "detach-gone", "detach-dead", "detach-announced",
            "detach-token-woke", "detach-freed", "detach-ended", "counted", "woke", "keeper-woke",
        ].map { Point(name: $0, way: .going) }
        + ["roster-counted", "roster-woke"].map { Point(name: $0, way: .going, passage: 2) }
        + ["boot-announced", "boot-cleared"].map { Point(name: $0, way: .afterBoot) }

    @Test(arguments: all)
    func othersGoOn(_ point: Point) async throws {
        try await withWatchdog(.seconds(200), point.description) {
            try await withFolder { folder in
                let path = "\(folder)/region"
                let slots = point.way == .recycling ? 1 : 4
                let region = try TestRegion(path, slotCount: slots)
                // The boot identifier is written by the first who comes.
                let first = try await region.attach()
                try await first.detachAndWait(until: .after(.seconds(60)))
                var before: OwnerWord?
                switch point.way {
                case .recycling, .sweeping, .sweepingEarly:
                    // It dies alone: nobody is there to announce it.
                    let (member, owner) = try await Member.join(path, slotCount: slots)
                    try await member.kill()
                    before = owner
                    if point.way == .sweepingEarly { region.forgetLifeLock(owner.slot) }
                    #expect(region.state(owner.slot) == .dead && !region.table.records[owner.slot].isAnnounced)
                case .afterBoot:
                    let (member, owner) = try await Member.join(path, slotCount: slots)
                    before = owner
                    region.memory.bytes.word64(ParticipantLayout.bootIdentifier).storeSequential(4711)
                    try await member.kill()
                case .coming, .going: break
                }
                let victim = try await Member.start(
                    path, slotCount: slots,
                    environment: [KillPoints.variable: "participants-\(point.name):\(point.passage)"])
                if point.way == .going { try? await victim.order("leave") }
                let status = try await victim.child.exitStatus(until: .after(.seconds(60)))
                guard case .signaled(.kill, _) = status else {
                    Issue.record("\(point): \(status)")
                    return
                }
                if let before { #expect(region.table.isDead(before)) }
                #expect(region.table.liveCount == 0)
                // A newcomer gets in, at once, and every death that can be seen is announced.
                let newcomer = try await region.attach()
                try newcomer.validate()
                try await eventually { region.table.records.allSatisfy { $0.state != .dead || $0.isAnnounced } }
                // And is itself watched.
                let (other, owner) = slots == 1 ? (nil, nil) : try await joined(path, slots)
                if let other, let owner {
                    let count = region.table.deathCount.loadAcquiring()
                    try await other.kill()
                    try await eventually { region.table.deathCount.loadAcquiring() != count }
                    #expect(region.table.isDead(owner))
                }
                try await newcomer.detachAndWait(until: .after(.seconds(60)))
                #expect(region.table.liveCount == 0)
            }
        }
    }

    /// Killed while it gives its slot back, a participant is missed by those who are there, whatever it had: nobody comes and
    /// nobody else dies.
    @Test(arguments: [
        "detach-locked", "detach-pending", "detach-unlinked", "detach-gone", "detach-dead", "detach-announced",
        "detach-token-woke", "detach-freed", "detach-ended", "counted", "woke",
    ])
    func itIsMissedByThoseWhoStay(_ point: String) async throws {
        try await withWatchdog(.seconds(200), point) {
            try await withFolder { folder in
                let path = "\(folder)/region"
                let region = try TestRegion(path, slotCount: 4)
                let here = try await region.attach()
                let victim = try await Member.start(
                    path, slotCount: 4, environment: [KillPoints.variable: "participants-\(point):1"])
                let owner = try await victim.hasJoined()
                let count = region.table.deathCount.loadAcquiring()
                try? await victim.order("leave")
                let status = try await victim.child.exitStatus(until: .after(.seconds(60)))
                #expect(status == .signaled(.kill, coreDumped: false))
                #expect(region.table.isDead(owner))
                try await eventually { region.table.deathCount.loadAcquiring() != count }
                try await here.detachAndWait(until: .after(.seconds(60)))
            }
        }
    }

    private func joined(_ path: String, _ slots: Int) async throws -> (Member?, OwnerWord?) {
        let (member, owner) = try await Member.join(path, slotCount: slots)
        return (member, owner)
    }
}
