import IPCSync
import IPCSystem

/// `object-touch NAME WHAT`: takes what it needs, says "ready", and does WHAT when it is told to: for a process that dies at
/// a point of it.
let touchScenarios: [String: Scenario] = [
    "object-touch": { arguments in
        let region = try SyncRegion(blockingAt: .named(arguments[0]), .open)
        let act = try prepare(arguments[1], region, arguments[0])
        say("ready")
        _ = readLine()
        try act()
        return 0
    }
]

private func prepare(_ what: String, _ region: SyncRegion, _ name: String) throws -> () throws -> Void {
    switch what {
    case "set":
        let event = try region.event("event", .automatic, .open)
        return { event.set() }
    case "count":
        let latch = try region.latch("latch", .open, count: 1)
        return { try latch.countDown() }
    case "give-plain":
        let plain = try region.semaphore("plain", .plain, .open, permits: 3)
        for _ in 0..<3 { try plain.takeBlocking() }
        return { try plain.giveBlocking() }
    case "give-leased", "take":
        let leased = try region.semaphore("leased", .leased, .open, permits: 3)
        if what == "take" { return { try leased.takeBlocking() } }
        for _ in 0..<3 { try leased.takeBlocking() }
        return { try leased.giveBlocking() }
    case "read":
        let guarded = KeptReader(try region.readWriteLock("read", .open).lockForReadingBlocking())
        return { guarded.letGo() }
    case "write":
        let lock = try region.readWriteLock("write", .open) {}
        return { try lock.writeBlocking { () throws(IPCError) in } }
    case "arrive":
        let party = try region.barrier("barrier", .open, parties: 2).joinBlocking()
        return { try party.arriveBlocking() }
    case "signal":
        let mutex = try region.mutex("mutex", of: SyncPair.self)
        let condition = try region.condition("condition", .open)
        return {
            try mutex.withLockBlocking { $0.count = 1 }
            condition.signal()
        }
    case "lead":
        let leader = KeptLeader(try region.election("election", .open).campaignBlocking())
        return { leader.letGo() }
    case "once":
        let once = try region.once("once", .open)
        return {
            try once.performBlocking { (_: Bool) throws(IPCError) in
                say("doing")
                _ = readLine()
            }
        }
    case "make": return { _ = try region.mutex("new", of: Int.self, .create, initial: 7) }
    case "post":
        let semaphore = try POSIXSemaphore(named: name, .open)
        return { try semaphore.post() }
    default: throw Wrong("unknown \(what)")
    }
}

private final class KeptReader {
    private var value: ProcessReadWriteLock.ReadGuard?
    init(_ value: consuming ProcessReadWriteLock.ReadGuard) { self.value = consume value }
    func letGo() { value = nil }
}

private final class KeptLeader {
    private var value: Leadership?
    init(_ value: consuming Leadership) { self.value = consume value }
    func letGo() { value = nil }
}
