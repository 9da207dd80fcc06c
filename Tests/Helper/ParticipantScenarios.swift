import Glibc
import IPCCore
import IPCParticipants
import IPCSystem

let participantScenarios: [String: Scenario] = [
    "participant": participant,
    "participants-many": participantsMany,
    "participant-fork": participantFork,
    "participant-refused": participantRefused,
    "participant-storm": participantStorm,
]

/// `participant PATH SLOTS`: attaches, and does what its standard input says, a line for each thing, a line of answer for
/// each line. It leaves at the end of the input without detaching.
private func participant(_ arguments: [String]) async throws -> Int32 {
    let region = try ParticipantRegion(arguments[0], slotCount: Int(arguments[1]) ?? 0)
    var current: Participant?
    do throws(IPCError) {
        current = try region.attach()
    } catch {
        say("failed \(error)")
    }
    if let current { say("in \(current.slot) \(current.generation) \(current.ownerWord)") }
    while let line = readLine() {
        do {
            if line == "again" {
                current = try region.attach()
                say("in \(current?.slot ?? -1) \(current?.generation ?? 0) \(current?.ownerWord ?? 0)")
                continue
            }
            guard let participant = current else { throw Wrong("not in") }
            let lock = StormLock(participant: participant, word: region.words.word64(0))
            switch line {
            case "validate":
                try participant.validate()
                say("valid")
            case "lock": say(try lock.lock() ? "taken over" : "locked")
            case "unlock":
                try lock.unlock()
                say("unlocked")
            case "leave":
                try participant.detachBlocking(until: .after(.seconds(60)))
                current = nil
                say("out")
            case "exec":
                say("exec")
                var strings: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("sleep"), strdup("600"), nil]
                unsafe execv("/bin/sleep", &strings)
                throw Wrong("exec failed")
            default: throw Wrong("unknown order")
            }
        } catch let error as IPCError {
            say("failed \(error.code)")
        } catch {
            say("failed \(error)")
        }
    }
    // As a process that is killed: nothing is given back.
    _exit(0)
}

/// `participants-many FOLDER COUNT`: attaches to that many regions of 8 slots and stays until its input ends.
private func participantsMany(_ arguments: [String]) async throws -> Int32 {
    var participants: [Participant] = []
    for index in 0..<(Int(arguments[1]) ?? 0) {
        participants.append(try ParticipantRegion("\(arguments[0])/\(index)", slotCount: 8).attach())
    }
    say("in \(participants.count)")
    _ = readLine()
    for participant in participants { try participant.detachBlocking(until: .after(.seconds(60))) }
    say("out")
    return 0
}

/// A host forks without exec. The child has no part in the region until it attaches anew, and what it does with the
/// parent's handle leaves the parent alone.
private func participantFork(_ arguments: [String]) async throws -> Int32 {
    let path = arguments[0]
    let region = try ParticipantRegion(path, slotCount: 4)
    let parent = try region.attach()
    let lock = StormLock(participant: parent, word: region.words.word64(0))
    _ = try lock.lock()
    let before = parent.table.deathCount.loadAcquiring()
    let status = try statusOfFork {
        do {
            try require(parent.ownerWord == 0, "the child has the parent's owner word")
            let code = thrownCode { () throws(IPCError) in try parent.validate() }
            try require(code == .participantLost, "the handle is \(String(describing: code))")
            let use = thrownCode { () throws(IPCError) in try parent.beginUse() }
            try require(use == .participantLost, "the use is \(String(describing: use))")
            parent.endUse()
            parent.detach()
            // Once in the mapping that it inherited, once in one of its own.
            for inherits in [true, false] {
                let own = inherits ? region : try ParticipantRegion(path, slotCount: 4)
                let participant = try own.attach()
                try require(participant.slot != parent.slot, "the child has the parent's slot")
                try require(participant.ownerWord != 0, "the child has no owner word")
                try participant.validate()
                try require(own.words.word64(0).loadAcquiring() == region.words.word64(0).loadAcquiring(), "mapping")
                let owner = OwnerWord(rawValue: own.words.word64(0).loadAcquiring())
                try require(participant.table.isLive(owner), "the child takes the parent for dead")
                try participant.detachBlocking(until: .after(.seconds(60)))
            }
            // The third time it leaves the slot to the kernel.
            _ = unsafe Unmanaged.passRetained(try region.attach())
            return 0
        } catch {
            say("child: \(error)")
            return 1
        }
    }
    try require(status == 0, "the child ended with \(status)")
    try parent.validate()
    try lock.unlock()
    let table = parent.table
    for _ in 0..<2000 where table.records.contains(where: { $0.state == .dead && !$0.isAnnounced }) { usleep(5000) }
    try require(table.liveCount == 1, "\(table.liveCount) live")
    try require(table.records.allSatisfy { $0.state != .dead || $0.isAnnounced }, "a death was not announced")
    try require(table.deathCount.loadAcquiring() &- before >= 3, "two departures and a death")
    try parent.detachBlocking(until: .after(.seconds(60)))
    try require(table.liveCount == 0, "somebody is left")
    return 0
}

/// Where futex_waitv(2) is refused, a death is seen all the same: by the keeper, and by whoever waits for the lock.
private func participantRefused(_ arguments: [String]) async throws -> Int32 {
    let region = try ParticipantRegion(arguments[0], slotCount: 4)
    let word = region.words.word64(0)
    // Forked before anything has another thread.
    let mayEnd = region.words.word32(16)
    let child = try TestingCalls.fork {
        guard let participant = try? region.attach(),
            let wasDead = try? StormLock(participant: participant, word: word).lock()
        else { return 1 }
        while mayEnd.loadAcquiring() == 0 { usleep(1000) }
        return wasDead ? 2 : 0
    }
    while word.loadAcquiring() == 0 { usleep(1000) }
    // It lives until this process has met a refusal.
    startThread {
        for _ in 0..<60_000 where FaultInjection.tally.failed == 0 { usleep(1000) }
        mayEnd.storeReleasing(1)
    }
    let fault = FaultInjection.Fault(.futex_waitv, errno: Errno.notImplemented, count: 1_000_000)
    let (wasDead, refusals) = try await FaultInjection.with([fault]) {
        let participant = try region.attach()
        let wasDead = try StormLock(participant: participant, word: word).lock()
        return (wasDead, FaultInjection.tally.failed)
    }
    try require(wasDead, "the lock was not taken over")
    try require(refusals > 0, "nothing was refused")
    var status: Int32 = -1
    try require(unsafe waitpid(child, &status, 0) == child && status == 0, "the child ended with \(status)")
    return 0
}

private func thrownCode(_ body: () throws(IPCError) -> Void) -> IPCError.Code? {
    do throws(IPCError) {
        try body()
        return nil
    } catch {
        return error.code
    }
}
