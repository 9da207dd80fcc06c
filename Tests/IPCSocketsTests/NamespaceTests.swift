import IPCProcess
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Two machines, as far as the network is concerned: two network namespaces with a cable between them.
struct TwoMachines: ~Copyable {
    private static let setUp = """
        set -e
        ip netns add $1
        ip netns add $2
        ip link add veth0 netns $1 type veth peer name veth0 netns $2
        for side in "$1 1" "$2 2"; do
            set -- $side
            ip -n $1 link set lo up
            ip -n $1 addr add 10.77.0.$2/24 dev veth0
            ip -n $1 -6 addr add fd77::$2/64 dev veth0 nodad
            ip -n $1 link set veth0 up
            ip -n $1 route add 224.0.0.0/4 dev veth0
        done
        """

    let first: String
    let second: String

    /// nil where this process may not make them.
    static func make() async throws -> TwoMachines? {
        let first = "swift-ipc-\(ProcessFacts.processID)-a"
        let second = "swift-ipc-\(ProcessFacts.processID)-b"
        let made = try? await Command("sh", "-c", setUp, "sh", first, second).output(until: .after(.seconds(60)))
        guard let made, made.status.isSuccess else {
            print("network namespaces are not tried: \(made?.errorText ?? "no ip")")
            await remove(first, second)
            return nil
        }
        return TwoMachines(first: first, second: second)
    }

    static func remove(_ first: String, _ second: String) async {
        for name in [first, second] { _ = try? await Command("ip", "netns", "del", name).output() }
    }

    func start(on machine: String, _ arguments: [String]) async throws -> ChildProcess {
        try await ChildProcess.spawn(
            .name("ip"), arguments: ["netns", "exec", machine, helperPath] + arguments,
            options: .init(standardInput: .pipe, standardOutput: .pipe))
    }
}

@Suite(.watched, .serialized) struct NamespaceTests {
    private func line(_ child: ChildProcess) async throws -> String? {
        do throws(IPCError) {
            return try await child.standardOutput.readLine(until: .after(.seconds(90)))
        } catch {
            let threads = try await Command(
                "bash", "-c", "head -n 3 /proc/\(child.processID)/task/*/{comm,wchan,status}"
            )
            .output()
            Issue.record("\(error): \(threads.text)")
            throw error
        }
    }

    /// The server of one machine serves the other: nothing but the address has changed.
    @Test func tcpBetweenTwoMachines() async throws {
        guard let machines = try await TwoMachines.make() else { return }
        let (first, second) = (machines.first, machines.second)
        for address in ["tcp:10.77.0.1:4711", "tcp:[fd77::1]:4712"] {
            let server = try await machines.start(on: first, ["net-serve", address])
            #expect(try await line(server) == "listening at \(address)")
            let client = try await machines.start(on: second, ["net-ask", address, "200"])
            #expect(try await line(client) == "200 answers")
            #expect(try await client.exitStatus().isSuccess)
            _ = try await server.kill()
        }
        // A server that listens on its own machine alone is not reached.
        let server = try await machines.start(on: first, ["net-serve", "tcp:127.0.0.1:4713"])
        #expect(try await line(server) == "listening at tcp:127.0.0.1:4713")
        let client = try await machines.start(on: second, ["net-ask", "tcp:10.77.0.1:4713", "1"])
        #expect(try await line(client) == "connectionRefused")
        _ = try await client.exitStatus()
        _ = try await server.kill()
        await TwoMachines.remove(first, second)
    }

    @Test(arguments: ["udp:239.255.73.2:5007", "udp:[ff15::73]:5008"])
    func multicastBetweenTwoMachines(_ group: String) async throws {
        guard let machines = try await TwoMachines.make() else { return }
        let (first, second) = (machines.first, machines.second)
        let receivers = [
            try await machines.start(on: second, ["net-hear", group, "veth0"]),
            try await machines.start(on: second, ["net-hear", group, "veth0"]),
        ]
        for receiver in receivers { #expect(try await line(receiver) == "ready") }
        let sender = try await machines.start(on: first, ["net-tell", group, "veth0"])
        for receiver in receivers {
            let said = try await line(receiver) ?? "nothing"
            // IPv6 sends from the address of the link or from the machine's own.
            let senders = group.contains("ff15") ? ["fe80::", "fd77::1"] : ["10.77.0.1"]
            #expect(senders.contains { said.hasPrefix("news from \($0)") }, "\(said)")
            #expect(try await receiver.exitStatus().isSuccess)
        }
        _ = try await sender.kill()
        await TwoMachines.remove(first, second)
    }

    @Test func broadcastBetweenTwoMachines() async throws {
        guard let machines = try await TwoMachines.make() else { return }
        let (first, second) = (machines.first, machines.second)
        let receiver = try await machines.start(on: second, ["net-hear", "udp:0.0.0.0:5009", "broadcast"])
        #expect(try await line(receiver) == "ready")
        let sender = try await machines.start(on: first, ["net-tell", "udp:10.77.0.255:5009", "broadcast"])
        #expect(try await line(receiver) == "news from 10.77.0.1")
        #expect(try await receiver.exitStatus().isSuccess)
        _ = try await sender.kill()
        await TwoMachines.remove(first, second)
    }

    /// The cable is cut: keep-alive ends a connection on which nobody says anything.
    @Test func peerThatIsUnreachable() async throws {
        guard let machines = try await TwoMachines.make() else { return }
        let (first, second) = (machines.first, machines.second)
        let server = try await machines.start(on: first, ["net-serve", "tcp:10.77.0.1:4714"])
        #expect(try await line(server) == "listening at tcp:10.77.0.1:4714")
        let client = try await machines.start(on: second, ["net-wait", "tcp:10.77.0.1:4714"])
        #expect(try await line(client) == "connected")
        try await Command("ip", "-n", first, "link", "set", "veth0", "down").run()
        #expect(try await line(client) == "peerClosed")
        _ = try await client.exitStatus()
        _ = try await server.kill()
        await TwoMachines.remove(first, second)
    }

    /// A thousand connections on which nothing happens: nobody is woken, so no thread runs.
    @Test func idleConnectionsCostNothing() async throws {
        try await expectScenario("net-idle", "500")
    }
}
