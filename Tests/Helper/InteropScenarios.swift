import Glibc
import IPCSharedMemory
import IPCSync
import IPCSystem

/// The other process in tests of what programs in C lock, too.
let interopScenarios: [String: Scenario] = [
    "file-lock-hold": { arguments in
        let lock = try FileLock(at: arguments[0])
        let held = try await lock.lock(arguments[1] == "shared" ? .shared : .exclusive)
        say("held")
        try await Task.sleep(for: .seconds(600))
        held.release()
        return 0
    },
    "file-lock-fork": forkFileLocks,
    // PATH COUNTER TIMES: counts in a file, byte by byte, which only a lock makes right.
    "file-lock-count": { arguments in
        let lock = try FileLock(at: arguments[0])
        for _ in 0..<(Int(arguments[2]) ?? 0) {
            let held = try await lock.lock(until: .after(.seconds(60)))
            let bytes = try TestingCalls.contents(of: arguments[1])
            let count = (Int(String(decoding: bytes, as: UTF8.self)) ?? 0) + 1
            let file = try FileCalls.open(arguments[1], [.writeOnly, .truncate])
            let text = Array("\(count)".utf8)
            _ = unsafe text.withUnsafeBytes { unsafe write(file.number, $0.baseAddress, $0.count) }
            held.release()
        }
        return 0
    },
    // NAME TIMES: waits and posts with glibc's own functions.
    "semaphore-glibc": { arguments in
        let semaphore = unsafe try glibcSemaphore(arguments[0])
        for _ in 0..<(Int(arguments[1]) ?? 0) {
            while unsafe sem_wait(semaphore) != 0 { try require(errno == EINTR, "sem_wait: \(errno)") }
            try require(unsafe sem_post(semaphore) == 0, "sem_post: \(errno)")
        }
        return 0
    },
    "semaphore-glibc-wait": { arguments in
        let semaphore = unsafe try glibcSemaphore(arguments[0])
        say("waiting")
        try require(unsafe sem_wait(semaphore) == 0, "sem_wait: \(errno)")
        say("woken")
        return 0
    },
    "semaphore-glibc-post": { arguments in
        try require(unsafe sem_post(glibcSemaphore(arguments[0])) == 0, "sem_post: \(errno)")
        return 0
    },
    // NAME TIMES: the same with ours, on two tasks.
    "semaphore-cycle": { arguments in
        let semaphore = try POSIXSemaphore(named: arguments[0], .open)
        let times = Int(arguments[1]) ?? 0
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    for _ in 0..<times {
                        try await semaphore.wait(until: .after(.seconds(60)))
                        try semaphore.post()
                    }
                }
            }
            try await group.waitForAll()
        }
        return 0
    },
    "semaphore-post": { arguments in
        try POSIXSemaphore(named: arguments[0], .open).post()
        return 0
    },
    "semaphore-wait": { arguments in
        let semaphore = try POSIXSemaphore(named: arguments[0], .open)
        say("waiting")
        try await semaphore.wait()
        say("woken")
        return 0
    },
    "sysv-create": { arguments in
        let values = arguments.dropFirst().compactMap { Int($0) }
        let set = try await SystemVSemaphoreSet(
            key: Int32(arguments[0]) ?? 0, initialValues: values, until: .after(.seconds(60)))
        say("\(set.wasCreated ? "made" : "found") \(try set.values())")
        return 0
    },
    "sysv-hold": { arguments in
        let set = try await SystemVSemaphoreSet(key: Int32(arguments[0]) ?? 0, .open)
        try await set.perform([.take(0, 2), .take(1)])
        say("held")
        try await Task.sleep(for: .seconds(600))
        return 0
    },
    // NAME DIES: locks on a thread of its own; "hold", or "repair" to die in the repair of what another has left.
    "pthread-hold": { arguments in
        let region = try SharedMemory(at: .named(arguments[0]), .open)
        let mutex = try PthreadMutex(attachedTo: region, at: 64)
        let mode = arguments[1]
        startThread {
            do {
                try mutex.withLockBlocking(
                    recovering: {
                        say("repairing")
                        if mode == "repair" { TestingCalls.killSelf() }
                    },
                    {
                        say("held")
                        sleep(600)
                    })
            } catch {
                say("\(error)")
                exitNow(1)
            }
        }
        try await Task.sleep(for: .seconds(600))
        return 0
    },
    // NAME TIMES: adds to a plain word under the mutex, on two threads.
    "pthread-count": { arguments in
        let region = try SharedMemory(at: .named(arguments[0]), .open)
        let mutex = try PthreadMutex(attachedTo: region, at: 64)
        for _ in 0..<(Int(arguments[1]) ?? 0) {
            try await mutex.withLock { () throws(IPCError) in
                try region.store(try region.load(at: 0, as: UInt64.self) + 1, at: 0)
            }
        }
        return 0
    },
]

/// The semaphore as glibc sees it: its functions work on the mapping that sem_open(3) would have made, which takes a
/// variable number of arguments and so cannot be called from Swift.
private func glibcSemaphore(_ name: String) throws -> UnsafeMutablePointer<sem_t> {
    let file = unsafe open("/dev/shm/sem.\(name)", O_RDWR)
    try require(file >= 0, "open: \(errno)")
    let mapped = unsafe mmap(nil, MemoryLayout<sem_t>.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    try require(unsafe mapped != nil && mapped != MAP_FAILED, "mmap: \(errno)")
    // SAFETY: the file has a semaphore in glibc's layout, and stays mapped until the process ends.
    return unsafe mapped!.assumingMemoryBound(to: sem_t.self)
}
