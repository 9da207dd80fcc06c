import IPCSync
import IPCSystem

/// `object-await NAME WHAT`: waits for what a process does by "object-touch", without a backstop: a wake-up that does not
/// come is a hang.
let awaitScenarios: [String: Scenario] = [
    "object-await": { arguments in
        Backstop.switchOff()
        let waiting = try AwaitedObjects(arguments[0], arguments[1])
        say("waiting")
        try await waiting.wait(arguments[1])
        say("passed")
        return 0
    },
    "object-await-blocking": { arguments in
        Backstop.switchOff()
        let waiting = try AwaitedObjects(arguments[0], arguments[1])
        say("waiting")
        try waiting.waitBlocking(arguments[1])
        say("passed")
        return 0
    },
]

private struct AwaitedObjects {
    let region: SyncRegion
    let party: ProcessBarrier.Party?

    init(_ name: String, _ what: String) throws {
        region = try SyncRegion(blockingAt: .named(name), .open)
        party = what == "arrive" ? try region.barrier("barrier", .open, parties: 2).joinBlocking() : nil
    }

    private func leased() throws -> ProcessSemaphore { try region.semaphore("leased", .leased, .open, permits: 3) }
    private func plain() throws -> ProcessSemaphore { try region.semaphore("plain", .plain, .open, permits: 3) }
    private func mutex() throws -> ProcessMutex<SyncPair> { try region.mutex("mutex", of: SyncPair.self) }

    func wait(_ what: String) async throws {
        switch what {
        case "set": try await region.event("event", .automatic, .open).wait()
        case "count": try await region.latch("latch", .open, count: 1).wait()
        case "give-plain": try await plain().take()
        case "give-leased": try await leased().take()
        case "read": try await region.readWriteLock("read", .open).write { () throws(IPCError) in }
        case "arrive": try await party?.arrive()
        case "signal": try await mutex().lock(when: region.condition("condition", .open)) { $0.count > 0 }.unlock()
        case "lead": try await region.election("election", .open).campaign().resign()
        case "once": try await region.once("once", .open).perform { (_: Bool) async throws(IPCError) in }
        default: throw Wrong("unknown \(what)")
        }
    }

    func waitBlocking(_ what: String) throws {
        switch what {
        case "set": try region.event("event", .automatic, .open).waitBlocking()
        case "count": try region.latch("latch", .open, count: 1).waitBlocking()
        case "give-plain": try plain().takeBlocking()
        case "give-leased": try leased().takeBlocking()
        case "read": try region.readWriteLock("read", .open).writeBlocking { () throws(IPCError) in }
        case "arrive": try party?.arriveBlocking()
        case "signal": try mutex().lockBlocking(when: region.condition("condition", .open)) { $0.count > 0 }.unlock()
        case "lead": try region.election("election", .open).campaignBlocking().resign()
        case "once": try region.once("once", .open).performBlocking { (_: Bool) throws(IPCError) in }
        default: throw Wrong("unknown \(what)")
        }
    }
}
