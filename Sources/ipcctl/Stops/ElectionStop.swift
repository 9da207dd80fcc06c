import IPCProcess
import IPCSync

/// Two candidates: each asks the other to resign when it wants to lead. When the leader is killed the other one leads.
struct ElectionStop: TourStop {
    let mechanism = "leader election"

    private static let rounds = 200

    func visit(until deadline: Deadline) async throws -> TourResult {
        try await SyncPeer.visit(self) { region, child in
            let election = try region.election("leader")
            // The second process leads first.
            try await region.event("led", .automatic).wait(until: deadline)
            var result = TourResult()
            var lastTerm: UInt64 = 0
            let clock = ContinuousClock()
            for round in 0..<Self.rounds {
                let start = clock.now
                election.requestResignation()
                let leadership = try await election.campaign(until: deadline)
                let (term, isValid) = (leadership.term, leadership.isValid)
                try require(term > lastTerm && isValid, "term \(term) came after \(lastTerm)")
                lastTerm = term
                try region.event("go on", .automatic).set()
                leadership.resign()
                try await region.event("led", .automatic).wait(until: deadline)
                result.roundTrips.append(clock.now - start)
                try require(election.leader?.processID == child.processID, "round \(round): another one leads")
                result.messagesChecked += 1
            }
            result.deathNotice = try await SyncPeer.noticeDeath(of: child, in: region, until: deadline) {
                await Self.lead(election, until: deadline)
            } expected: { [lastTerm] outcome in
                outcome.map { $0 > lastTerm + 1 } == .success(true)
            }
            return result
        }
    }

    private static func lead(_ election: LeaderElection, until deadline: Deadline) async -> Result<UInt64, IPCError> {
        do throws(IPCError) {
            let leadership = try await election.campaign(until: deadline)
            return .success(leadership.term)
        } catch {
            return .failure(error)
        }
    }

    func serve(_ arguments: [String]) async throws {
        let region = try await SyncPeer.region(arguments)
        let election = try region.election("leader")
        let led = try region.event("led", .automatic)
        for _ in 0..<Self.rounds {
            let leadership = try await election.campaign()
            led.set()
            try await leadership.waitUntilLost()
            leadership.resign()
            // Until the other one leads, who would else be overtaken.
            try await region.event("go on", .automatic).wait()
        }
        let leadership = try await election.campaign()
        led.set()
        try await SyncPeer.stay(in: region)
        leadership.resign()
    }
}
