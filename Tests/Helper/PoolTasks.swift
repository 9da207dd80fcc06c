import Glibc
import IPCSharedMemory
import IPCSystem
import IPCWorkers

// More tasks for the tests of the pool: limits, streams, progress, descriptors. Shared as WorkerTasks.swift is.

/// Goes on until it is ended from outside, whatever anybody says.
struct Stubborn: SharedTask {
    var milliseconds: Int?
    /// Made when it starts.
    var marker: String?

    var timeLimit: Duration? { milliseconds.map { .milliseconds($0) } }

    static var maximumAttempts: Int { 3 }

    func run(in context: WorkerContext) async throws -> Int {
        if let marker { unsafe close(open(marker, O_CREAT, 0o600)) }
        while true { usleep(1000) }
    }
}

/// Gives its value; it may not take for ever.
struct LimitedEcho: SharedTask {
    var value: Int

    var timeLimit: Duration? { .seconds(60) }

    func run(in context: WorkerContext) async throws -> Int { value }
}

/// Stops its own process, as a debugger does, so that nothing in it can end it.
struct StopSelf: SharedTask {
    var milliseconds: Int? = 50
    /// Made before.
    var marker: String?

    var timeLimit: Duration? { milliseconds.map { .milliseconds($0) } }

    func run(in context: WorkerContext) async throws -> Int {
        if let marker { unsafe close(open(marker, O_CREAT, 0o600)) }
        kill(getpid(), SIGSTOP)
        // The other threads take it in their own time.
        while true { usleep(1000) }
    }
}

/// Takes memory and touches it until there is no more, or it has so much, and keeps it.
struct Leak: SharedTask {
    var bytes: Int

    func run(in context: WorkerContext) async throws -> Int {
        let piece = 1 << 20
        var taken = 0
        while taken < bytes {
            guard let memory = unsafe malloc(piece) else { fatalError("no memory after \(taken) bytes") }
            unsafe memset(memory, 1, piece)
            taken += piece
            // The guardian looks every few milliseconds.
            usleep(100)
        }
        return taken
    }
}

/// An output of so many bytes, each of which is known.
struct Blob: SharedTask {
    var count: Int

    func run(in context: WorkerContext) async throws -> [UInt8] { Blob.bytes(count) }

    static func bytes(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count { unsafe buffer[index] = UInt8(truncatingIfNeeded: index &* 31 ^ index >> 13) }
            initialized = count
        }
    }
}

/// What the worker made of itself when it started.
struct SetUpState: SharedTask {
    func run(in context: WorkerContext) async throws -> String { try context.state(as: String.self) }
}

/// How the kernel treats this process.
struct ProcessFigures: SharedTask {
    struct Figures: Codable, Sendable {
        var niceness: Int32
        var processors: String
        var openFiles: UInt64
    }

    func run(in context: WorkerContext) async throws -> Figures {
        var limit = rlimit()
        _ = unsafe getrlimit(__rlimit_resource_t(7), &limit)
        let status = String(decoding: try TestingCalls.contents(of: "/proc/self/status"), as: UTF8.self)
        let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
        return Figures(
            niceness: getpriority(__priority_which_t(0), 0),
            processors: line?.split(separator: "\t").last.map { String($0) } ?? "", openFiles: UInt64(limit.rlim_cur))
    }
}

/// Tells its progress in steps, and goes on when the file is there.
struct Reporting: SharedTask {
    var path: String

    func run(in context: WorkerContext) async throws -> Int {
        context.reportProgress(1, of: 4, "a quarter")
        while unsafe access(path, F_OK) != 0 { try await Task.sleep(for: .milliseconds(5)) }
        return 7
    }
}

/// Emits the numbers up to `count`, and then ends in one way or another.
struct Counting: StreamingWorkerTask {
    enum End: String, Codable { case well, fault, crash, hang }

    var count: Int
    var end = End.well

    static var workerTaskName: String { "Counting" }
    static var maximumAttempts: Int { 3 }

    func run(in context: WorkerContext, emit: WorkerEmitter<Int>) async throws {
        for number in 0..<count { try await emit(number) }
        switch end {
        case .well: break
        case .fault: throw IPCError(.notFound, "the end of the numbers")
        case .crash: kill(getpid(), SIGKILL)
        case .hang: try await Task.sleep(for: .seconds(600))
        }
    }
}

/// Emits numbers from several tasks at once.
struct CountingTogether: StreamingWorkerTask {
    var count: Int

    static var workerTaskName: String { "CountingTogether" }

    func run(in context: WorkerContext, emit: WorkerEmitter<Int>) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for part in 0..<4 {
                group.addTask {
                    for number in stride(from: part, to: self.count, by: 4) { try await emit(number) }
                }
            }
            try await group.waitForAll()
        }
    }
}

/// Writes to a region that both sides have.
struct FillRegion: SharedTask {
    @Transferred var region: SharedMemory
    var byte: UInt8

    static var maximumAttempts: Int { 2 }

    /// At its first start the process dies, so that the region has to be sent once more.
    var marker: String?

    func run(in context: WorkerContext) async throws -> Int {
        if let marker, unsafe open(marker, O_CREAT | O_EXCL, 0o600) >= 0 { kill(getpid(), SIGKILL) }
        try region.write([UInt8](repeating: byte, count: 1000))
        return region.byteCount
    }
}

/// Makes a region and gives it to the caller.
struct MakeRegion: SharedTask {
    struct Made: Codable, Sendable {
        @Transferred var region: SharedMemory
    }

    func run(in context: WorkerContext) async throws -> Made {
        let region = try SharedMemory(byteCount: 4096)
        try region.write([1, 2, 3])
        return Made(region: region)
    }
}

/// Ignores SIGTERM and has a child in its group that does so as well.
struct DeafFamily: SharedTask {
    func run(in context: WorkerContext) async throws -> [Int32] {
        signal(SIGTERM, SIG_IGN)
        let child = try TestingCalls.fork {
            while true { sleep(600) }
        }
        return [getpid(), child]
    }
}

/// May be tried as often as one likes, and dies each time.
struct AlwaysCrash: SharedTask {
    static var maximumAttempts: Int { 1000 }

    func run(in context: WorkerContext) async throws -> Int {
        kill(getpid(), SIGKILL)
        return 0
    }
}
