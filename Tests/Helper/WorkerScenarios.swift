import Glibc
import IPCSockets
import IPCSystem
import IPCWorkers

let workerScenarios: [String: Scenario] = [
    "pool-churn": poolChurn,
    "pool-and-stay": poolAndStay,
    "pool-without-serve": poolWithoutServe,
    "typed-errors": typedErrors,
    "kill-storm": killStorm,
    "worker-of-another-version": workerOfAnotherVersion,
    "worker-that-goes": workerThatGoes,
    "pool-beside-own-children": poolBesideOwnChildren,
    "pool-on-an-old-kernel": poolOnAnOldKernel,
    "pool-without-descriptors": poolWithoutDescriptors,
]

/// What a worker of this program makes of itself: the pool's argument, if it has one.
private func setUpWorker(_ start: WorkerSetUp) async throws -> String {
    let argument = (try? start.argument(as: String.self)) ?? "nothing"
    if argument == "fail" { throw Wrong("there is no such database") }
    if argument == "hang" { try await Task.sleep(for: .seconds(600)) }
    return "\(argument) of worker \(start.workerIndex)"
}

/// Every type but `NotServed`.
func serveTasks() async throws {
    try await Worker.serveIfSpawned(
        Noop.self, Square.self, Nap.self, WaitForFile.self, Burn.self, Echo.self, WorkerProcessID.self, Crash.self,
        CrashOnce.self,
        TypedThrow.self, ThrowOne.self, WaitForCancellation.self, Recursion.self, Leftovers.self, StartChild.self,
        Complain.self, StormTask.self, StormStream.self, Stubborn.self, LimitedEcho.self, StopSelf.self, Leak.self,
        Blob.self, ProcessFigures.self,
        Reporting.self, Counting.self, CountingTogether.self, FillRegion.self, MakeRegion.self, DeafFamily.self,
        AlwaysCrash.self, SetUpState.self
    ) { start in try await setUpWorker(start) }
}

extension WorkerPoolOptions {
    /// Workers may take as long to begin as a loaded machine makes them.
    static var patient: WorkerPoolOptions { WorkerPoolOptions(handshakeTimeout: .seconds(120)) }
}

/// `pool-churn COUNT`: pools that end well, by an error, by cancellation and with crashes; then no child and no descriptor
/// may be left. The workers are this program.
private func poolChurn(_ arguments: [String]) async throws -> Int32 {
    try await usePool(0)
    let before = try await settledDescriptors().count
    for round in 0..<(Int(arguments[0]) ?? 0) { try await usePool(round % 4) }
    try require(!hasChildren(), "children are left")
    let limit = Deadline.after(.seconds(60))
    while openDescriptors().count > before, !limit.hasPassed { try await Task.sleep(for: .milliseconds(10)) }
    try require(openDescriptors().count <= before, "\(openDescriptors().count) descriptors instead of \(before)")
    return 0
}

private func usePool(_ kind: Int) async throws {
    switch kind {
    case 0:
        let sum = try await withWorkerPool(of: .exactly(2), options: .patient) { pool in
            try await pool.map((1...100).lazy.map { Square(value: $0) }).reduce(0, +)
        }
        try require(sum == 338_350, "the sum is \(sum)")
    case 1:
        do {
            try await withWorkerPool(of: .exactly(2), options: .patient) { pool in
                _ = try await pool.run(Noop())
                throw Wrong("on purpose")
            }
        } catch is Wrong {}
    case 2:
        let task = Task {
            try await withWorkerPool(of: .exactly(2), options: .patient) { pool in
                try await pool.run(Nap(milliseconds: 600_000))
            }
        }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        let result = await task.result
        try require((try? result.get()) == nil, "a cancelled pool gave a result")
    default:
        try await withWorkerPool(of: .exactly(2), options: .patient) { pool in
            let error = await thrown { try await pool.run(Crash(way: .kill)) } as? IPCError
            try require(error?.code == .workerCrashed, "\(String(describing: error))")
            try require(try await pool.run(Square(value: 3)) == 9, "the replaced worker is wrong")
        }
    }
}

private func thrown<Result>(_ body: () async throws -> Result) async -> (any Error)? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// Tells the process ids of two busy workers and stays until it is killed.
private func poolAndStay(_ arguments: [String]) async throws -> Int32 {
    try await withWorkerPool(of: .exactly(2), options: .patient) { pool in
        var processes: Set<Int32> = []
        while processes.count < 2 {
            async let first = pool.run(WorkerProcessID())
            async let second = pool.run(WorkerProcessID())
            processes = try await [first, second]
        }
        say(processes.map { "\($0)" }.joined(separator: " "))
        async let burning = pool.run(Burn(milliseconds: 600_000))
        async let napping = pool.run(Nap(milliseconds: 600_000))
        _ = try await (burning, napping)
        return 0
    }
}

/// A program that opens a pool of itself and does not serve. Started with `no-serve`, which main sees before it serves.
private func poolWithoutServe(_ arguments: [String]) async throws -> Int32 {
    let options = WorkerPoolOptions(
        arguments: ["pool-without-serve"], environment: .inherit.updating(["HELPER_SERVES_NOT": "1"]),
        standardError: .discarded)
    return await withWorkerPool(of: .exactly(2), options: options) { pool in
        let error = await thrown { try await pool.run(Noop()) } as? IPCError
        say("\(error.map { "\($0.code)" } ?? "no error")")
        return error == nil ? 0 : 3
    }
}

/// Errors of tasks that are this program's own types.
private func typedErrors(_ arguments: [String]) async throws -> Int32 {
    try await withWorkerPool(of: .exactly(1), options: .patient) { pool async throws in
        let typed = await thrown { try await pool.run(TypedThrow(number: 4)) }
        try require(typed as? Fault == Fault(number: 4), "\(String(describing: typed))")
        let listed = await thrown { try await pool.run(ThrowOne(kind: .listed)) }
        try require(listed as? OtherFault == OtherFault(reason: "listed"), "\(String(describing: listed))")
        let unlisted = await thrown { try await pool.run(ThrowOne(kind: .unlisted)) } as? IPCError
        try require(unlisted?.code == .taskFailed, "\(String(describing: unlisted))")
    }
    return 0
}

/// Plays a worker of another version: it says hello with its own, and complains of the pool's.
private func workerOfAnotherVersion(_ arguments: [String]) async throws -> Int32 {
    let channel = try InheritedEndpoints.take(0, as: InheritedSocket.self).channel()
    let message = try await channel.receive() ?? []
    var version: UInt32 = 0
    try unsafe CallWire.forEachFrame(of: message.span.bytes) { (header, body) throws(IPCError) in
        if header.kind == .hello { version = try CallWire.readHello(body).version }
    }
    var hello: [UInt8] = []
    CallWire.appendHello(CallHello(version: 99, requestLimit: 0), to: &hello)
    // First, for the pool ends this process as soon as it has seen the hello.
    TestingCalls.report("the pool speaks version \(version)")
    try await channel.send(hello)
    return 1
}

/// Plays a worker that introduces itself and goes at its first task, before it has begun it.
private func workerThatGoes(_ arguments: [String]) async throws -> Int32 {
    let channel = try InheritedEndpoints.take(0, as: InheritedSocket.self).channel()
    _ = try await channel.receive()
    var hello: [UInt8] = []
    CallWire.appendHello(CallHello(requestLimit: 0, payload: try BinaryCodec.encode([Noop.workerTaskName])), to: &hello)
    try await channel.send(hello)
    _ = try await channel.receive()
    TestingCalls.report("the licence has run out")
    return 3
}

/// A socket as a worker inherits it.
private struct InheritedSocket: DescriptorTransferable {
    let descriptor: PassedDescriptor

    func transfer() throws(IPCError) -> TransferredDescriptors { TransferredDescriptors(descriptors: [descriptor]) }

    static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> InheritedSocket {
        InheritedSocket(descriptor: transferred.descriptors[0])
    }

    func channel() throws -> SocketChannel {
        try SocketChannel(
            OwnedDescriptor(owning: try descriptor.take() ?? { throw Wrong("no socket") }()), SocketOptions())
    }
}

/// `pool-beside-own-children COUNT`: pools with crashes, while this program starts children of its own by fork(2) and waits for
/// each by waitpid(2): it gets every status, so none was taken by the pool.
private func poolBesideOwnChildren(_ arguments: [String]) async throws -> Int32 {
    let rounds = Int(arguments[0]) ?? 0
    for round in 0..<rounds {
        var own: [Int32] = []
        for code in 0..<4 as Range<Int32> {
            own.append(
                try TestingCalls.fork {
                    usleep(UInt32(code) * 10_000)
                    return 40 + code
                })
        }
        try await usePool(round % 2 == 0 ? 3 : 0)
        for (code, child) in own.enumerated() {
            var status: Int32 = 0
            let found = await withCheckedContinuation { continuation in
                startThread {
                    var status: Int32 = 0
                    let found = unsafe waitpid(child, &status, 0)
                    continuation.resume(returning: (found, status))
                }
            }
            status = found.1
            try require(found.0 == child, "the status of child \(child) was taken")
            try require(status == (40 + Int32(code)) << 8, "child \(child) ended with \(status)")
        }
    }
    return 0
}
