import Glibc
import IPCSystem
import IPCWorkers

// Tasks for the tests of the pool. The helper program and the test runner share this file, so that both know the types.

/// A task whose name does not have the module in it.
protocol SharedTask: WorkerTask {}

extension SharedTask {
    static var workerTaskName: String { "\(Self.self)" }
}

struct Noop: SharedTask {
    func run(in context: WorkerContext) async throws -> Int { 1 }
}

struct Square: SharedTask {
    var value: Int

    func run(in context: WorkerContext) async throws -> Int { value * value }
}

/// Suspends for a while.
struct Nap: SharedTask {
    var milliseconds: Int
    var value = 0

    func run(in context: WorkerContext) async throws -> Int {
        try await Task.sleep(for: .milliseconds(milliseconds))
        return value
    }
}

/// Goes on when the file is there.
struct WaitForFile: SharedTask {
    var path: String
    var value = 0

    func run(in context: WorkerContext) async throws -> Int {
        while unsafe access(path, F_OK) != 0 { try await Task.sleep(for: .milliseconds(5)) }
        return value
    }
}

/// Holds its thread for a while.
struct Burn: SharedTask {
    var milliseconds: Int
    var value = 0

    func run(in context: WorkerContext) async throws -> Int {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while ContinuousClock.now < end {}
        return value
    }
}

struct Echo: SharedTask {
    var bytes: [UInt8]

    func run(in context: WorkerContext) async throws -> [UInt8] { bytes }
}

struct WorkerProcessID: SharedTask {
    func run(in context: WorkerContext) async throws -> Int32 { getpid() }
}

/// Ends its process in one way or another.
struct Crash: SharedTask {
    enum Way: String, Codable { case kill, trap, story, exit, channel }

    var way: Way

    func run(in context: WorkerContext) async throws -> Int {
        switch way {
        case .kill: kill(getpid(), SIGKILL)
        case .trap: fatalError("the task trapped on purpose")
        case .story:
            // A trap as the runtime tells it, with a backtrace that is longer than what is kept of the end.
            let story = (0..<1000).map { "\($0) frame of a long backtrace" }.joined(separator: "\n")
            TestingCalls.report("Story.swift:7: Fatal error: the task trapped on purpose\n\(story)\nthe end")
            abort()
        case .exit: exit(7)
        case .channel:
            // What a task gone wild may do: close everything that it did not open.
            for number in Int32(3)..<64 { close(number) }
            try await Task.sleep(for: .seconds(600))
        }
        return 0
    }
}

/// Dies at its first start and succeeds at its second.
struct CrashOnce: SharedTask {
    var marker: String

    static var maximumAttempts: Int { 2 }

    func run(in context: WorkerContext) async throws -> String {
        let descriptor = unsafe open(marker, O_CREAT | O_EXCL, 0o600)
        if descriptor >= 0 { kill(getpid(), SIGKILL) }
        return "second time"
    }
}

struct Fault: Error, Codable, Equatable {
    var number: Int
}

struct OtherFault: Error, Codable, Equatable {
    var reason: String
}

struct PlainFault: Error {}

/// Throws as its type says.
struct TypedThrow: SharedTask {
    var number: Int

    func run(in context: WorkerContext) async throws(Fault) -> Int { throw Fault(number: number) }
}

/// Throws one of several errors.
struct ThrowOne: SharedTask {
    enum Kind: String, Codable { case listed, unlisted, plain, library, cancelled }

    var kind: Kind

    static var thrownErrors: [any (Error & Codable).Type] { [OtherFault.self] }

    func run(in context: WorkerContext) async throws -> Int {
        switch kind {
        case .listed: throw OtherFault(reason: "listed")
        case .unlisted: throw Fault(number: 5)
        case .plain: throw PlainFault()
        case .library: throw IPCError(.notFound, "no such thing", object: "thing")
        case .cancelled: throw CancellationError()
        }
    }
}

/// Makes a file when it starts and another one when its task is cancelled.
struct WaitForCancellation: SharedTask {
    var folder: String
    var suspends: Bool

    func run(in context: WorkerContext) async throws -> Int {
        unsafe close(open("\(folder)/started", O_CREAT, 0o600))
        if suspends {
            try? await Task.sleep(for: .seconds(600))
        } else {
            while !Task.isCancelled {}
        }
        unsafe close(open("\(folder)/cancelled", O_CREAT, 0o600))
        return 0
    }
}

/// Tries to open a pool in the worker.
struct Recursion: SharedTask {
    func run(in context: WorkerContext) async throws -> String {
        try await withWorkerPool(of: .exactly(2)) { pool in
            do {
                return "\(try await pool.run(Noop()))"
            } catch let error as IPCError {
                return "\(error.code)"
            }
        }
    }
}

/// What a worker has that it should not have.
struct Leftovers: SharedTask {
    func run(in context: WorkerContext) async throws -> [String] {
        var found: [String] = []
        for name in ["SWIFT_IPC_WORKER", "SWIFT_IPC_INHERITED"] where unsafe getenv(name) != nil { found.append(name) }
        let inherited = try await Command("ls", "/proc/self/fd").output()
        if inherited.text != "0\n1\n2\n3\n" { found.append("descriptors \(inherited.lines)") }
        return found
    }
}

/// Starts a process that would stay, and tells its number.
struct StartChild: SharedTask {
    func run(in context: WorkerContext) async throws -> Int32 {
        let options = ChildProcess.Options(processGroup: .inherit, parentDeathSignal: nil)
        return try await ChildProcess.spawn("sleep", arguments: ["600"], options: options).processID
    }
}

struct Complain: SharedTask {
    var bytes: Int

    func run(in context: WorkerContext) async throws -> Int {
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 1000)
        for _ in 0..<bytes / 1000 { _ = unsafe write(2, line, line.count) }
        return bytes
    }
}

struct NotServed: SharedTask {
    func run(in context: WorkerContext) async throws -> Int { 1 }
}
