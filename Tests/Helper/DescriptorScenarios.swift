import Glibc
import IPCSystem
import IPCWorkers
import Synchronization

/// `pool-without-descriptors`: this process may not open anything for a while, while large outputs come, workers die and
/// have to be replaced. Each task has an outcome, and afterwards all is as before.
func poolWithoutDescriptors(_ arguments: [String]) async throws -> Int32 {
    let options = WorkerPoolOptions(
        handshakeTimeout: .seconds(120), restartLimit: .init(count: 100_000, in: .seconds(10)), startAttempts: .max,
        standardError: .discarded, sharedValueSize: 10_000)
    let expected: [IPCError.Code] = [.descriptorsTruncated, .resourceExhausted, .workerCrashed]
    try await withWorkerPool(of: .exactly(2), options: options) { pool async throws in
        try await useBoth(pool)
        let before = descriptorsInUse().count
        for round in 0..<3 {
            let limit = try DescriptorLimit()
            // Outputs that cannot be received, on workers that live.
            let missed = Missed()
            var tasks = (0..<40).map { number in
                Task {
                    do {
                        return try await pool.run(Blob(count: number % 2 == 0 ? 20_000 : 9)).count
                    } catch let error as IPCError where error.code == .descriptorsTruncated {
                        missed.count.wrappingAdd(1, ordering: .relaxed)
                        throw error
                    }
                }
            }
            if round > 0 { try await Task.sleep(for: .milliseconds(20)) }
            // Workers that cannot be replaced.
            let crashes = (0..<2).map { _ in Task { try await pool.run(Crash(way: .kill)) } }
            tasks += (0..<100).map { number in Task { try await pool.run(Square(value: number)) } }
            // Long enough for attempts to start others.
            try await Task.sleep(for: .milliseconds(200 + 400 * round))
            // And on a slow machine, for the first output that does not arrive.
            let patience = Deadline.after(.seconds(round == 0 ? 30 : 0))
            while missed.count.load(ordering: .relaxed) == 0, !patience.hasPassed {
                try await Task.sleep(for: .milliseconds(5))
            }
            limit.restore()
            var codes: [String: Int] = [:]
            for task in crashes + tasks {
                switch await task.result {
                case .success: codes["done", default: 0] += 1
                case .failure(let error):
                    let code = (error as? IPCError)?.code
                    try require(expected.contains { $0 == code }, "\(error)")
                    codes["\(code!)", default: 0] += 1
                }
            }
            say("\(codes)")
            let missing = codes["\(IPCError.Code.descriptorsTruncated)", default: 0]
            try require(missing > 0 || round > 0, "nothing was missing")
            try await useBoth(pool)
        }
        let limit = Deadline.after(.seconds(60))
        while descriptorsInUse().count > before, !limit.hasPassed { try await Task.sleep(for: .milliseconds(10)) }
        let left = descriptorsInUse()
        try require(left.count <= before, "\(left.count) descriptors instead of \(before): \(left)")
    }
    try require(!hasChildren(), "children are left")
    return 0
}

/// How many tasks failed.
private final class Missed: Sendable {
    let count = Atomic<Int>(0)
}

/// Without the files that a pool keeps for large values: as many as were on their way at once.
private func descriptorsInUse() -> [String] {
    openDescriptors().filter { !$0.contains("swift-ipc-values") }
}

/// Both workers, with what goes through the socket and what goes beside it.
private func useBoth(_ pool: WorkerPool) async throws {
    var processes: Set<Int32> = []
    for _ in 0..<2000 where processes.count < 2 {
        let pair = [Task { try await pool.run(WorkerProcessID()) }, Task { try await pool.run(WorkerProcessID()) }]
        for task in pair { processes.insert(try await task.value) }
        if processes.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
    }
    try require(processes.count == 2, "there is one worker")
    for try await bytes in pool.map(repeatElement(Echo(bytes: Blob.bytes(20_000)), count: 20)) {
        try require(bytes == Blob.bytes(20_000), "the output is wrong")
    }
}

/// Lets this process open nothing more. setrlimit(2), RLIMIT_NOFILE.
private struct DescriptorLimit {
    private static let resource = __rlimit_resource_t(7)
    private let former: rlimit

    init() throws {
        var limit = rlimit()
        _ = unsafe getrlimit(Self.resource, &limit)
        former = limit
        let free = unsafe open("/dev/null", O_RDONLY)
        close(free)
        limit.rlim_cur = rlim_t(free)
        try require(unsafe setrlimit(Self.resource, &limit) == 0, "setrlimit")
    }

    func restore() {
        var limit = former
        _ = unsafe setrlimit(Self.resource, &limit)
    }
}
