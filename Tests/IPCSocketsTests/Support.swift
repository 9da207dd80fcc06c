import IPCProcess
import IPCSockets
import IPCSystem
import Synchronization
import Testing

/// The helper program, which stands beside the test runner.
let helperPath: String = {
    let runner = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
    return runner[..<(runner.lastIndex(of: "/") ?? runner.startIndex)] + "/ipc-test-helper"
}()

/// Runs a scenario of the helper program to its end and expects that it found nothing wrong.
func expectScenario(
    _ arguments: String..., options: ChildProcess.Options = .init(), sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    var command = Command(.path(helperPath), arguments: arguments)
    command.options = options
    let output = try await command.output(until: .after(.seconds(240)))
    #expect(output.status.isSuccess, "\(output.text)\(output.errorText)", sourceLocation: sourceLocation)
}

private let folderCount = Atomic<Int>(0)

/// A folder of its own for a test. When the body is done it must be empty: every name was removed by who made it.
func withFolder<Result>(
    permissions: UInt32 = 0o700, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (String) async throws -> Result
) async throws -> Result {
    let number = folderCount.wrappingAdd(1, ordering: .relaxed).newValue
    let path = "/tmp/swift-ipc-test-\(ProcessFacts.processID)-\(number)"
    try FileCalls.makeDirectory(path, permissions: 0o700)
    try FileCalls.setPermissions(at: path, permissions)
    let result: Result
    do {
        result = try await body(path)
    } catch {
        try await Command("rm", "-rf", path).run()
        throw error
    }
    let left = try await names(in: path)
    #expect(left.isEmpty, "names were left behind", sourceLocation: sourceLocation)
    try await Command("rm", "-rf", path).run()
    return result
}

/// What stands in a folder.
func names(in path: String) async throws -> [String] {
    try await Command("ls", "-A", path).output().checked().lines
}

/// Waits until `condition` holds. The suite's time limit is what ends it otherwise.
func eventually(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(2)) }
}

/// Waits until nobody listens at an address after all: a child that is being started has the sockets of this process, closed
/// here or not, until it is another program.
func nobodyListens(at address: SocketAddress) async throws {
    var code: IPCError.Code?
    try await eventually {
        code = await failure { () async throws(IPCError) in try await SocketConnection.connect(to: address) }?.code
        return code != nil
    }
    #expect(code == .connectionRefused)
}

/// How many TCP sockets listen on a port of this machine. proc_net_tcp(5).
func listeningSockets(port: UInt16) async throws -> Int {
    let text = try await Command("cat", "/proc/net/tcp", "/proc/net/tcp6").output().text
    return text.split(separator: "\n").count { line in
        let fields = line.split(separator: " ")
        guard fields.count > 3, fields[3] == "0A", let number = fields[1].split(separator: ":").last else {
            return false
        }
        return UInt16(number, radix: 16) == port
    }
}

/// The error that `body` throws.
func failure<Result>(_ body: () async throws(IPCError) -> Result) async -> IPCError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// What the listeners of all tests told the observer of the process.
struct Events: IPCObserver {
    private static let all = Lock<[(listener: String, isRefusal: Bool)]>([])
    private static let installed: Void = { _ = IPCObservation.install(Events()) }()

    func observe(_ event: IPCEvent) {
        switch event {
        case .connectionRefused(let listener, _, _): Self.all.withLock { $0.append((listener, true)) }
        case .connectionAccepted(let listener, _): Self.all.withLock { $0.append((listener, false)) }
        default: break
        }
    }

    static func start() { installed }

    /// How many connections a listener refused, since `start`.
    static func refusals(at address: SocketAddress) -> Int {
        all.withLock { all in all.count { $0.isRefusal && $0.listener == address.description } }
    }

    static func acceptances(at address: SocketAddress) -> Int {
        all.withLock { all in all.count { !$0.isRefusal && $0.listener == address.description } }
    }
}

/// Whether the attacks can be tried: as root, who can become user 65534.
let canBecomeNobody = ProcessFacts.effectiveUser == 0 && (try? FileCalls.status(at: "/usr/bin/setpriv")) != nil

/// Runs a Python program as user 65534.
func asNobody(_ program: String, _ arguments: String...) async throws -> CommandOutput {
    try await Command(
        "setpriv",
        arguments: ["--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", program] + arguments
    ).output(until: .after(.seconds(60)))
}
