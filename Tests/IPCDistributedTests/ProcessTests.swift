import CallsShared
import Distributed
import IPCDistributed
import IPCPipes
import IPCProcess
import IPCSystem
import TestSupport
import Testing

/// Calls and distributed actors whose other side is another process.
@Suite(.watched) struct ProcessTests {
    /// The program `ipc-calls-helper`, which is built beside the tests.
    static let helper: String = {
        let tests = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
        return tests.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/ipc-calls-helper"
    }()

    static func start(
        _ arguments: [String], transferring endpoints: [any DescriptorTransferable] = []
    ) async throws -> ChildProcess {
        try await ChildProcess.spawn(
            .path(helper), arguments: arguments, options: .init(standardOutput: .pipe), transferring: endpoints)
    }

    /// The address that a child says it listens at.
    static func address(_ child: ChildProcess) async throws -> SocketAddress {
        let line = try #require(try await child.standardOutput.readLine(until: .after(.seconds(60))))
        return try SocketAddress(String(line.dropFirst("listening at ".count)))
    }

    @Test func childServesCallsOverAnInheritedSocket() async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let child = try await Self.start(["inherited"], transferring: [theirs])
        let connection = try CallConnection(over: mine)
        #expect(try await connection.call(Work("pid")) == Int(child.processID))
        // Calls are under way when it dies: each fails once, and says that it may have been done.
        let waiting = (0..<5).map { _ in Task { await CallTests.failure(connection, Work("wait")) } }
        try await Task.sleep(for: .milliseconds(30))
        let dying = try #require(await CallTests.failure(connection, Work("die")))
        #expect(dying.error?.code == .peerClosed && dying.mayHaveBeenDone)
        for task in waiting { #expect(await task.value?.error?.code == .peerClosed) }
        #expect(try await child.exitStatus() == .exited(9))
        #expect(await CallTests.failure(connection, Work("pid"))?.progress == .notStarted)
    }

    @Test func deadCallerCancelsItsRequests() async throws {
        let log = Log()
        let (mine, theirs) = try SocketChannel.makePair()
        let connection = try CallConnection(over: mine) { handlers in
            handlers.on(Work.self) { request, _ in
                log.note("\(request.what)s")
                do {
                    try await Task.sleep(for: .seconds(600))
                } catch {
                    log.note("cancelled")
                    throw error
                }
                return 0
            }
        }
        let child = try await Self.start(["ask-calls"], transferring: [theirs])
        try await log.has("waits")
        #expect(log.all == ["waits"])
        _ = try await child.kill()
        try await log.has("cancelled")
        do throws(IPCError) {
            try await connection.waitUntilEnd()
        } catch {
            #expect(error.code == .peerClosed)
        }
    }

    @Test func deadCalleeFailsTheCallsOfItsActors() async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let system = IPCActorSystem()
        let office = Office(actorSystem: system)
        try system.checkIn(office, as: "office")
        let child = try await Self.start(["actors-inherited"], transferring: [theirs])
        let server = try await system.connect(over: mine)
        let theirOffice = try await system.lookUp(Office.self, named: "office", at: server)
        #expect(try await theirOffice.add(1, 2) == 3)
        let events = system.events
        let waiting = Task { await ActorTests.callError { try await theirOffice.wait() } }
        while try await theirOffice.waits < 1 { try await Task.sleep(for: .milliseconds(3)) }
        _ = try await child.kill()
        let error = try #require(await waiting.value)
        #expect(error.error.code == .peerClosed && error.mayHaveBeenDone)
        for await event in events {
            if case .lost(let lost, let reason) = event {
                #expect(lost == server && reason?.code == .peerClosed)
                break
            }
        }
    }

    @Test func serverOnAUnixSocketServesManyClients() async throws {
        let path = "/tmp/ipc-calls-\(ProcessFacts.processID)-s"
        let child = try await Self.start(["calls", "unix:\(path)"])
        let address = try await Self.address(child)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let socket = try await SocketConnection.connect(to: address, until: .after(.seconds(60)))
                    let connection = try CallConnection(over: socket.channel())
                    for _ in 0..<20 { #expect(try await connection.call(Work("pid")) == Int(child.processID)) }
                    connection.close()
                }
            }
            try await group.waitForAll()
        }
        _ = try await child.kill()
        _ = try? await Command("rm", "-f", path, path + ".lock").run()
    }

    /// The server is killed and started again, under a connector: what is idempotent is asked again, the rest says that it may
    /// have been done.
    @Test func connectorOutlivesItsServer() async throws {
        struct IdempotentWork: CallRequest {
            typealias Reply = Int
            static var callName: String { Work.callName }
            static var isIdempotent: Bool { true }
            var what: String
        }
        let path = "/tmp/ipc-calls-\(ProcessFacts.processID)-r"
        let first = try await Self.start(["calls", "unix:\(path)"])
        let address = try await Self.address(first)
        let connector = CallConnector { deadline async throws(IPCError) in
            try CallConnection(over: try await SocketConnection.connect(to: address, until: deadline).channel())
        }
        #expect(try await connector.call(Work("pid")) == Int(first.processID))
        var dying: CallError<Never>?
        do {
            _ = try await connector.call(Work("die"))
        } catch {
            dying = error
        }
        #expect(dying?.error?.code == .peerClosed && dying?.progress == .unknown)
        _ = try await first.exitStatus()
        // Asked while nobody listens.
        let patient = Task { try await connector.call(IdempotentWork(what: "pid"), until: .after(.seconds(120))) }
        try await Task.sleep(for: .milliseconds(30))
        let second = try await Self.start(["calls", "unix:\(path)"])
        _ = try await Self.address(second)
        #expect(try await patient.value == Int(second.processID))
        _ = try await second.kill()
        // The one that notices its death may still have gone out to it.
        _ = try? await connector.call(IdempotentWork(what: "pid"), until: .after(.seconds(2)))
        do {
            _ = try await connector.call(IdempotentWork(what: "pid"), until: .after(.milliseconds(60)))
            Issue.record("nobody answers, and there was an answer")
        } catch {
            #expect(error.progress == .notStarted)
        }
        connector.close()
        _ = try? await Command("rm", "-f", path, path + ".lock").run()
    }

    @Test func actorsOfAnotherMachine() async throws {
        guard let machines = try await TwoMachines.make("actors") else { return }
        do {
            let server = try await machines.start(on: machines.first, ["actors", "tcp:10.77.1.1:4811"])
            #expect(try await Self.line(server) == "listening at tcp:10.77.1.1:4811")
            let client = try await machines.start(on: machines.second, ["ask-actors", "tcp:10.77.1.1:4811"])
            #expect(try await Self.line(client) == "5 visitor greets the office")
            #expect(try await client.exitStatus().isSuccess)
            _ = try await server.kill()
        } catch {
            await machines.remove()
            throw error
        }
        await machines.remove()
    }

    /// The cable is pulled while a call without a deadline is under way: nobody says goodbye, and both sides find out.
    @Test func silentNetworkEndsCallsAndHandlers() async throws {
        guard let machines = try await TwoMachines.make("cable") else { return }
        do {
            let callee = try await machines.start(on: machines.first, ["network-callee", "tcp:10.77.1.1:4812"])
            #expect(try await Self.line(callee) == "listening at tcp:10.77.1.1:4812")
            let caller = try await machines.start(on: machines.second, ["network-caller", "tcp:10.77.1.1:4812"])
            #expect(try await Self.line(callee) == "handles")
            try await machines.pullCable()
            #expect(try await Self.line(caller) == "peerClosed, may have been done")
            #expect(try await Self.line(callee) == "cancelled")
            #expect(try await caller.exitStatus().isSuccess)
            _ = try await callee.kill()
        } catch {
            await machines.remove()
            throw error
        }
        await machines.remove()
    }

    /// Callers and callees that are killed, stopped and half-read while they ask each other. `.ci/long.d/calls-storm` is the
    /// same for longer.
    @Test(arguments: ["unix", "ring"], ["killed", "orderly"])
    func stormOfCalls(_ kind: String, _ mode: String) async throws {
        let folder = "/tmp/ipc-calls-storm-\(ProcessFacts.processID)-\(kind)-\(mode)"
        _ = try await Command("mkdir", folder).run()
        let output = try await Command(.path(Self.helper), "calls-storm", folder, "3", "7", kind, mode).output()
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
        #expect(output.text.contains(" 0 faults"), "\(output.text)")
        _ = try await Command("rm", "-rf", folder).run()
    }

    static func line(_ child: ChildProcess) async throws -> String? {
        try await child.standardOutput.readLine(until: .after(.seconds(60)))
    }
}

/// Two machines, as far as the network is concerned: two network namespaces with a cable between them.
struct TwoMachines: Sendable {
    private static let setUp = """
        set -e
        ip netns add $1
        ip netns add $2
        ip link add veth1 netns $1 type veth peer name veth1 netns $2
        for side in "$1 1" "$2 2"; do
            set -- $side
            ip -n $1 link set lo up
            ip -n $1 addr add 10.77.1.$2/24 dev veth1
            ip -n $1 link set veth1 up
        done
        """

    let first: String
    let second: String

    /// nil where this process may not make them.
    static func make(_ what: String) async throws -> TwoMachines? {
        let name = "swift-ipc-\(what)-\(ProcessFacts.processID)"
        let machines = TwoMachines(first: "\(name)-a", second: "\(name)-b")
        let made = try? await Command("sh", "-c", setUp, "sh", machines.first, machines.second).output(
            until: .after(.seconds(60)))
        guard let made, made.status.isSuccess else {
            print("network namespaces are not tried: \(made?.errorText ?? "no ip")")
            await machines.remove()
            return nil
        }
        return machines
    }

    /// From now on nothing that one sends arrives at the other, and nobody is told.
    func pullCable() async throws {
        let pulled = try await Command("ip", "-n", first, "link", "set", "veth1", "down").output()
        #expect(pulled.status.isSuccess, "\(pulled.errorText)")
    }

    func remove() async {
        for name in [first, second] { _ = try? await Command("ip", "netns", "del", name).output() }
    }

    func start(on machine: String, _ arguments: [String]) async throws -> ChildProcess {
        try await ChildProcess.spawn(
            .name("ip"), arguments: ["netns", "exec", machine, ProcessTests.helper] + arguments,
            options: .init(standardOutput: .pipe))
    }
}
