import Glibc
import IPCSharedMemory
import IPCSync
import IPCSystem

/// Processes that have something, and end in every way that there is.
let holdScenarios: [String: Scenario] = [
    // NAME KIND: takes what KIND says, says "held", and does what it is told by a line.
    "object-hold": { arguments in
        let region = try await SyncRegion(at: .named(arguments[0]), .open)
        let free = try await take(arguments[1], region)
        say("held")
        try await doAsTold(free)
        return 0
    },
    // FOLDER COUNT: one mutex in each of so many regions.
    "object-hold-regions": { arguments in
        for index in 0..<(Int(arguments[1]) ?? 0) {
            let mutex = try await ProcessMutex(at: .file("\(arguments[0])/region-\(index)"), .open, initial: SyncPair())
            guard let guarded = try mutex.tryLock() else { throw Wrong("region \(index) is not free") }
            Kept(guarded).stay()
        }
        say("held")
        try await doAsTold {}
        return 0
    },
    // KEY: takes all of a System V set.
    "sysv-hold-until": { arguments in
        let set = try await SystemVSemaphoreSet(key: Int32(arguments[0]) ?? 0, .open)
        try await set.perform([.take(0, 2), .take(1)])
        say("held")
        try await doAsTold { try await set.perform([.give(0, 2), .give(1)]) }
        return 0
    },
    // NAME: the mutex that C programs know, on a thread that then ends the process as it is told.
    "pthread-hold-until": { arguments in
        let region = try SharedMemory(at: .named(arguments[0]), .open)
        let mutex = try PthreadMutex(attachedTo: region, at: 64)
        _ = try mutex.lockBlocking()
        say("held")
        try await doAsTold { try mutex.unlock() }
        return 0
    },
    // NAME KIND: waits for what KIND says until it is killed.
    "object-wait": { arguments in
        let region = try await SyncRegion(at: .named(arguments[0]), .open)
        say("waiting")
        let free = try await take(arguments[1], region)
        say("passed")
        try await doAsTold(free)
        return 0
    },
    // PATH ROUNDS: opens the region anew for each change.
    "object-reopen": { arguments in
        for _ in 0..<(Int(arguments[1]) ?? 0) {
            let mutex = try await ProcessMutex(at: .file(arguments[0]), .open, initial: SyncPair())
            try await mutex.withLock { pair in
                pair.count += 1
                pair.double += 2
            }
        }
        return 0
    },
    // NAME MODE: writes under a read-write lock whose recovery is as MODE says: "stop" in it, "throw" out of it, or go on.
    "object-recover": { arguments in
        let mode = arguments[1]
        let region = try await SyncRegion(at: .named(arguments[0]), .open)
        let lock = try region.readWriteLock("write") {
            say("recovering")
            if mode == "stop" { _ = readLine() }
            if mode == "throw" { throw Wrong("cannot repair") }
        }
        do {
            try await lock.write { () throws(IPCError) in say("written") }
        } catch {
            say("\(error)")
        }
        return 0
    },
    // NAME: does what is to be done once, and stops in the middle.
    "object-once-stop": { arguments in
        let once = try await SyncRegion(at: .named(arguments[0]), .open).once("once")
        try await once.perform { (died: Bool) async throws(IPCError) in
            say("doing \(died)")
            _ = readLine()
        }
        return 0
    },
]

/// Keeps a value that cannot be copied until it is let go.
private final class Kept<Value: ~Copyable> {
    private var value: Value?
    init(_ value: consuming Value) { self.value = consume value }
    func letGo() { value = nil }
    /// For ever.
    func stay() { _ = unsafe Unmanaged.passRetained(self) }
}

/// Takes what KIND says; what it returns lets go of it.
private func take(_ kind: String, _ region: SyncRegion) async throws -> () async throws -> Void {
    switch kind {
    case "mutex":
        let guarded = try await region.mutex("mutex", of: SyncPair.self).lock()
        guarded.value.count += 1
        let kept = Kept(guarded)
        return { kept.letGo() }
    case "lock":
        let kept = Kept(try await region.lock("lock", .open, byteCount: 16).lock())
        return { kept.letGo() }
    case "read":
        let kept = Kept(try await region.readWriteLock("read", .open).lockForReading())
        return { kept.letGo() }
    case "write":
        let kept = Kept(try await region.readWriteLock("write", .open).lockForWriting())
        return { kept.letGo() }
    case "leased", "plain":
        let semaphore = try region.semaphore(kind, kind == "leased" ? .leased : .plain, .open, permits: 3)
        for _ in 0..<3 { try await semaphore.take() }
        return { for _ in 0..<3 { try await semaphore.give() } }
    case "barrier":
        let party = try await region.barrier("barrier", .open, parties: 2).join()
        return { party.leave() }
    case "arrive":
        let party = try await region.barrier("barrier", .open, parties: 2).join()
        return { try await party.arrive() }
    case "once":
        let once = try region.once("once", .open)
        let (begun, end) = (FutexWord(), FutexWord())
        let doing = Task { @Sendable () async throws -> Void in
            try await once.perform { (_: Bool) async throws(IPCError) in
                begun.store(1)
                while end.value == 0 { try? await Task.sleep(for: .milliseconds(1)) }
            }
        }
        while begun.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
        return {
            end.store(1)
            try await doing.value
        }
    case "election":
        let kept = Kept(try await region.election("election", .open).campaign())
        return { kept.letGo() }
    case "event":
        try await region.event("event", .automatic, .open).wait()
        return {}
    case "latch":
        try await region.latch("latch", .open, count: 1).wait()
        return {}
    case "condition":
        let mutex = try region.mutex("mutex", of: SyncPair.self)
        let kept = Kept(try await mutex.lock(when: try region.condition("condition", .open)) { $0.count > 0 })
        return { kept.letGo() }
    case "file":
        let kept = Kept(try await FileLock(at: "/dev/shm/\(region.memoryName).lock", .open).lock())
        return { kept.letGo() }
    default: throw Wrong("unknown kind \(kind)")
    }
}

extension SyncRegion {
    /// The name that the region was opened by.
    fileprivate var memoryName: String { CommandLine.arguments[2] }
}

/// Ends as the line from standard input says.
private func doAsTold(_ free: () async throws -> Void) async throws {
    switch readLine() {
    case "free":
        try await free()
        say("free")
        _ = readLine()
    case "kill": TestingCalls.killSelf()
    case "exit": exitNow(0)
    case "crash":
        // SAFETY: it is not; that is what the crash is.
        unsafe UnsafeMutablePointer<UInt64>(bitPattern: 8)?.pointee = 1
    case "exec":
        let arguments: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("sleep"), strdup("600"), nil]
        _ = unsafe execv("/bin/sleep", arguments)
        throw Wrong("exec: \(errno)")
    default: break
    }
}
