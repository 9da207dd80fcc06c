import IPCSockets
import IPCSystem
import IPCWorkers

/// What the observer is told. In processes of their own, because a process has one observer.
let eventScenarios: [String: Scenario] = [
    "events-channels": channelEvents, "events-children": childEvents, "events-workers": workerEvents,
]

private final class Events: IPCObserver {
    private let seen = Lock<[IPCEvent]>([])

    init() { IPCObservation.install(self) }

    func observe(_ event: IPCEvent) { seen.withLock { $0.append(event) } }

    var count: Int { seen.withLock { $0.count } }

    /// What has been told since the last call, a word and what matters of it for each.
    func take() -> [String] {
        let events = seen.withLock { seen in
            defer { seen = [] }
            return seen
        }
        return events.map { event in
            switch event {
            case .peerLost(let mechanism, _, let error): "lost \(mechanism) \(error.code)"
            case .channelFailed(let mechanism, _, let error): "failed \(mechanism) \(error.code)"
            case .protocolViolation(let mechanism, _, let error): "violation \(mechanism) \(error.code)"
            case .childSpawned(_, let executable): "spawned \(executable)"
            case .childExited(_, let outcome): "ended \(outcome)"
            case .workerStarted(let processID): "started \(processID)"
            case .workerCrashed(let processID, let outcome): "crashed \(processID) \(outcome)"
            case .workerReplaced(let old, let new): "replaced \(old) \(new)"
            case .taskFailed(let type, let error): "task \(type) \(error.code)"
            case .log(let level, _): "log \(level)"
            default: "\(event)"
            }
        }
    }

    func expect(_ expected: String..., during doing: String) throws {
        let found = take()
        try require(found == expected, "\(doing): told \(found) instead of \(expected)")
    }
}

/// The code of the error that `body` must throw.
private func code(_ body: () async throws -> Void) async throws -> IPCError.Code {
    do {
        try await body()
    } catch let error as IPCError {
        return error.code
    }
    throw Wrong("nothing was thrown")
}

// MARK: Channels

private func channelEvents(_ arguments: [String]) async throws -> Int32 {
    let events = Events()
    try await channelsThatEndWell(events)

    // Each break is told once, however often the end is used afterwards.
    let pipe = try AnonymousPipe.make()
    try await pipe.writer.send([1])
    pipe.writer.close()
    _ = try await pipe.reader.receive()
    for _ in 0..<3 { try require(try await code { _ = try await pipe.reader.receive() } == .peerClosed, "no end") }
    try events.expect("lost pipe peerClosed", during: "a writer that did not finish")

    let unread = try AnonymousPipe.make()
    unread.reader.close()
    for _ in 0..<3 { try require(try await code { try await unread.writer.send([1]) } == .peerClosed, "no end") }
    try events.expect("lost pipe peerClosed", during: "a reader that left")

    let sockets = try SocketChannel.makePair()
    sockets.1.close()
    for _ in 0..<3 {
        try require(try await code { try await sockets.0.send([1]) } == .peerClosed, "no end")
        try require(try await code { _ = try sockets.0.tryReceive() } == .peerClosed, "no end")
    }
    try events.expect("lost unix-stream peerClosed", during: "a socket whose both directions are used")

    let header = { (length: UInt8, kind: UInt8) in [length] + [0, 0, 0, 0, 0, 0, 0, kind] + [0, 0, 0, 0, 0, 0, 0] }
    let hello = Array("swiftIPC".utf8) + [1, 0, 0, 0, 0, 0, 0, 0]
    for (bytes, told) in [
        (hello + header(9, 1) + [1, 2], "lost pipe truncated"),
        (hello + header(0, 77), "violation pipe protocolViolation"),
        (hello + header(9, 2), "violation pipe protocolViolation"),
        (hello + header(200, 1), "violation pipe messageTooLarge"),
        (Array("something else, 16+".utf8), "violation pipe wrongMagic"),
        (Array("swiftIPC".utf8) + [2, 0, 0, 0, 0, 0, 0, 0], "violation pipe wrongVersion"),
    ] as [([UInt8], String)] {
        let ends = try AnonymousPipe.make(options: PipeOptions(framing: .bytes))
        let reader = try PipeReader(
            adopting: try ends.reader.transfer().descriptors[0], options: PipeOptions(maximumMessageSize: 100))
        try await ends.writer.write(bytes)
        ends.writer.close()
        for _ in 0..<2 { _ = try await code { _ = try await reader.receive() } }
        try events.expect(told, during: "\(bytes)")
    }

    let broken = try SocketChannel.makePair()
    try await broken.0.send([1])
    let fault = FaultInjection.Fault(.recv, errno: Errno.noMemory)
    _ = await FaultInjection.with([fault]) { try? await broken.1.receive() }
    try events.expect("failed unix-stream resourceExhausted", during: "a read that fails")
    IPCObservation.install(nil)
    return 0
}

private func channelsThatEndWell(_ events: Events) async throws {
    let (near, far) = try SocketChannel.makePair()
    for index in 0..<100 as Range<UInt8> {
        try await near.send([index])
        _ = try await far.receive()
    }
    try await near.finish()
    try await far.finish()
    let ends = (try await near.receive(), try await far.receive())
    try require(ends == (nil, nil), "\(ends)")
    let idle = try SocketChannel.makePair()
    _ = try await code { _ = try await idle.0.receive(until: .after(.milliseconds(1))) }
    withExtendedLifetime(idle) {}
    near.close()
    _ = try await code { _ = try await near.receive() }
    try events.expect(during: "channels that end well, deadlines and closed ends")
}

// MARK: Children

private func childEvents(_ arguments: [String]) async throws -> Int32 {
    let events = Events()
    let child = try await ChildProcess.spawn("sh", arguments: ["-c", "exit 3"])
    try events.expect("spawned sh", during: "a start")
    for _ in 0..<2 { _ = try await child.exitStatus() }
    try events.expect("ended exited(status: 3)", during: "an end that was asked for twice")

    try await withChildProcess("sleep", arguments: ["600"]) { child in _ = try await child.kill() }
    try events.expect("spawned sleep", "ended killed(by: \(Signal.kill))", during: "a kill")

    _ = try? await ChildProcess.spawn("/no/such/program")
    try events.expect(during: "a program that is not there")

    // Nobody asks how it ended: it is told when its zombie is taken away.
    _ = try await ChildProcess.spawn("true")
    for _ in 0..<12_000 where events.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
    try events.expect("spawned true", "ended exited(status: 0)", during: "a handle that was dropped")
    IPCObservation.install(nil)
    return 0
}

// MARK: Workers

private func workerEvents(_ arguments: [String]) async throws -> Int32 {
    let events = Events()
    let options = WorkerPoolOptions(
        handshakeTimeout: .seconds(120), shutdownGrace: .seconds(60), standardError: .discarded)
    try await withWorkerPool(of: .exactly(1), options: options) { pool in
        let first = try await pool.run(WorkerProcessID())
        _ = try await pool.map((1...500).map { Square(value: $0) }).reduce(0, +)
        try require(try await !isThrown { try await pool.run(Noop()) }, "a task failed")
        try events.expect("spawned \(Executable.current.displayName)", "started \(first)", during: "a start")

        try require(try await isThrown { try await pool.run(TypedThrow(number: 5)) }, "nothing was thrown")
        try require(try await isThrown { try await pool.run(NotServed()) }, "it was served")
        try events.expect("task TypedThrow taskFailed", "task NotServed invalidArgument", during: "tasks that fail")

        try require(try await isThrown { try await pool.run(Crash(way: .kill)) }, "the crash went unnoticed")
        let second = try await pool.run(WorkerProcessID())
        let told = events.take()
        let expected = [
            "lost unix-stream peerClosed", "ended killed(by: \(Signal.kill))",
            "crashed \(first) killed(by: \(Signal.kill))", "task Crash workerCrashed",
            "spawned \(Executable.current.displayName)", "started \(second)", "replaced \(first) \(second)",
        ]
        try require(told.sorted() == expected.sorted(), "a crash: told \(told) instead of \(expected)")
    }
    let told = events.take()
    try require(told == ["ended exited(status: 0)"], "the end of a pool: told \(told)")

    let wrong = WorkerPoolOptions(executable: "/no/such/program")
    try await withWorkerPool(of: .exactly(1), options: wrong) { pool in
        try require(try await isThrown { try await pool.run(Noop()) }, "it was run")
    }
    try events.expect("log error", "task Noop notFound", during: "a worker that cannot be started")
    IPCObservation.install(nil)
    return 0
}

private func isThrown<Output>(_ body: () async throws -> Output) async throws -> Bool {
    do {
        _ = try await body()
        return false
    } catch {
        return true
    }
}
