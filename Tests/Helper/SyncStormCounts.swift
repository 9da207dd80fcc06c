import Glibc
import IPCSync
import IPCSystem

private let permitPoints = ["semaphore-given", "lock-sleeps", "lock-woke"]
private let leasePoints = [
    "lease-sleeps", "lease-taken", "lease-given", "lease-before-wake", "lease-added-up", "lock-taken",
    "take-over-begins",
    "take-over-done", "lock-sleeps", "lock-woke", "unlock-freed", "unlock-exchanged",
]

/// What counts: permits and events.
extension StormSubject {
    /// Half of the processes give, the others take and wait without a deadline.
    static let plainSemaphores = StormSubject(
        name: "plain semaphore", processes: 6, killPoints: permitPoints,
        life: .blocking { own in
            let semaphore = try own.region().semaphore("permits", .plain, permits: 0)
            let gives = own.place % 2 == 0
            let done = try own.tally.count(gives ? 0 : 1)
            while true {
                // Those who take must wait now and then.
                if gives && semaphore.available > 4 { usleep(50) }
                try own.say(.entering)
                if gives { try semaphore.giveBlocking() } else { try semaphore.takeBlocking() }
                done.wrappingAdd(1)
                try own.say(.outside)
                if !gives { try own.tally.progress.wrappingAdd(1) }
                try own.beat()
            }
        },
        finish: { own in
            let semaphore = try own.region().semaphore("permits", .plain, .open, permits: 0)
            try own.tally.count(2).store(UInt64(semaphore.available))
            try semaphore.giveBlocking()
            try semaphore.takeBlocking(until: .after(.seconds(100)))
        },
        sum: { tally, deaths in
            let (given, taken) = (Int(try tally.count(0).load()), Int(try tally.count(1).load()))
            let left = Int(try tally.count(2).load())
            // One who was killed between the permit and his count has moved one that is not counted.
            try require(
                abs(left - (given - taken)) <= deaths.unclear,
                "\(given) given, \(taken) taken, \(left) left, \(deaths)")
            return "\(given) given, \(taken) taken, \(left) left (\(deaths.unclear) unclear)"
        })

    /// Three permits for six processes: of the dead none is lost, and there is never a fourth.
    static let leasedSemaphores = StormSubject(
        name: "leased semaphore", processes: 6, killPoints: leasePoints, mostInside: 3,
        life: .blocking { own in
            let semaphore = try own.region().semaphore("permits", .leased, permits: 3)
            while true {
                try own.say(.entering)
                try semaphore.takeBlocking()
                try own.say(.inside)
                try own.tally.progress.wrappingAdd(1)
                try own.say(.leaving)
                try semaphore.giveBlocking()
                try own.say(.outside)
                try own.beat()
            }
        },
        finish: { own in
            let semaphore = try own.region().semaphore("permits", .leased, .open, permits: 3)
            for _ in 0..<3 { try semaphore.takeBlocking(until: .after(.seconds(100))) }
            try require(try !semaphore.tryTake(), "a fourth permit")
        },
        sum: { _, deaths in "\(deaths.inside) died with a permit (\(deaths.unclear) unclear), 3 of 3 permits left" })

    /// An event that lets one pass, and a gate that is opened and closed.
    static let events = StormSubject(
        name: "event", processes: 6, killPoints: ["lock-sleeps", "lock-woke"],
        life: .blocking { own in
            let region = try own.region()
            let event = try region.event("event", .automatic)
            let gate = try region.event("gate", .manual)
            while true {
                if own.place % 2 == 0 {
                    // Before it is set, so that nobody passes who is not counted.
                    try own.tally.count(0).wrappingAdd(1)
                    event.set()
                    gate.set()
                    usleep(20)
                    if own.place == 0 { gate.reset() }
                    try own.beat()
                } else {
                    try event.waitBlocking()
                    try own.tally.count(1).wrappingAdd(1)
                    try gate.waitBlocking()
                    try own.tally.progress.wrappingAdd(1)
                    try own.beat()
                }
            }
        },
        finish: { own in
            let event = try own.region().event("event", .automatic, .open)
            event.set()
            try event.waitBlocking(until: .after(.seconds(100)))
            try require(!event.tryWait(), "one event let two pass")
        },
        sum: { tally, _ in
            let (set, passed) = (try tally.count(0).load(), try tally.count(1).load())
            try require(passed <= set, "\(passed) passed, set \(set) times")
            return "set \(set) times, \(passed) passed"
        })
}
