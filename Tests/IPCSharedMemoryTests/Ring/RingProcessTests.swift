import IPCProcess
import IPCSharedMemory
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Rings between processes, which are killed, and which are hostile.
@Suite(.serialized, .watched) struct RingProcessTests {
    private let helper: String = {
        let runner = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
        return runner[..<(runner.lastIndex(of: "/") ?? runner.startIndex)] + "/ipc-test-helper"
    }()

    private func expectScenario(_ arguments: String...) async throws {
        let output = try await Command(.path(helper), arguments: arguments).output(until: .after(.seconds(240)))
        #expect(output.status.isSuccess, "\(output.status) \(output.text)\(output.errorText)")
    }

    @Test func killsAtRandomInstantsTearNothing() async throws {
        try await expectScenario("ring-storm", "40", "\(UInt64.random(in: 0...UInt64.max))")
    }

    @Test func aScribblerOnlyEndsTheRing() async throws {
        try await expectScenario("ring-hostile", "3")
    }

    /// Dies at each step of sending, at several passages: what arrives is whole, and at most one message is cut short.
    @Test(arguments: ["ring-claimed", "ring-filled", "ring-committed", "ring-fragment", "ring-before-bell"])
    func aProducerThatDiesAtAStepHasSentWhatItCommitted(_ point: String) async throws {
        for passage in [1, 2, 8] {
            let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 16 << 10))
            let child = try await spawn("ring-produce", far, dyingAt: "\(point):\(passage)")
            var index = 0
            let error = await #expect(throws: IPCError.self) {
                while let message = try await near.receive(until: .after(.seconds(60))) {
                    #expect(message.count == Self.size(index))
                    let isIntact = message.indices.allSatisfy {
                        message[$0] == UInt8(truncatingIfNeeded: $0 &* 31 &+ index &* 7)
                    }
                    #expect(isIntact)
                    index += 1
                }
            }
            switch point {
            case "ring-fragment": #expect(error?.code == .truncated)
            // Bells are rung for fragments, too, and by a receiver that gives room back.
            case "ring-before-bell": #expect([.truncated, .peerClosed].contains(error?.code))
            default: #expect(error?.code == .peerClosed)
            }
            if point == "ring-committed" { #expect(index >= min(passage, 4)) }
            let status = try await child.exitStatus(until: .after(.seconds(60)))
            guard case .signaled(.kill, _) = status else {
                Issue.record("the producer \(status)")
                continue
            }
        }
    }

    /// The same sizes as in the helper.
    private static func size(_ index: Int) -> Int {
        switch index % 7 {
        case 0: 16 + index % 40
        case 1: 57 + index % 100
        case 2: 1_000 + index % 3_000
        case 3: 16
        case 4: 9_000 + index % 20_000
        case 5: 48
        default: 4_096
        }
    }

    @Test(arguments: ["ring-taken", "ring-before-release", "ring-released"])
    func aConsumerThatDiesAtAStepIsTold(_ point: String) async throws {
        for passage in [1, 2, 40] {
            let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 16 << 10))
            let child = try await spawn("ring-consume", far, dyingAt: "\(point):\(passage)")
            let error = await #expect(throws: IPCError.self) {
                while true { try await near.send([UInt8](repeating: 1, count: 700), until: .after(.seconds(60))) }
            }
            #expect(error?.code == .peerClosed)
            _ = try await child.exitStatus(until: .after(.seconds(60)))
        }
    }

    private func spawn(_ scenario: String, _ end: RingChannel, dyingAt point: String) async throws -> ChildProcess {
        var options = ChildProcess.Options()
        options.environment = .inherit.updating(["IPC_KILL_POINT": point])
        return try await ChildProcess.spawn(
            .path(helper), arguments: [scenario], options: options, transferring: [end])
    }

    @Test func aListenersRingsAreTrustedByNobodyAndEndWithTheServer() async throws {
        let path = "/tmp/swift-ipc-ring-\(ProcessFacts.processID).sock"
        let server = try await ChildProcess.spawn(
            .path(helper), arguments: ["ring-serve", path], options: .init(standardOutput: .pipe))
        #expect(try await server.standardOutput.readLine() == "listening")
        let first = try await RingChannel.connect(to: .unix(path: path))
        let second = try await RingChannel.connect(to: .unix(path: path))
        #expect(first.trust == .untrusted)
        #expect(first.peer.processID == server.processID)
        for channel in [first, second] {
            for size in [0, 56, 57, 5_000, 600_000] {
                let message = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
                async let reply = channel.receive(until: .after(.seconds(60)))
                try await channel.send(message, until: .after(.seconds(60)))
                let received = try await reply
                #expect(received == message)
            }
        }
        try await first.finish()
        let end = try await first.receive(until: .after(.seconds(60)))
        #expect(end == nil)
        let waiting = Task { try await second.receive(until: .after(.seconds(60))) }
        try await Task.sleep(for: .milliseconds(20))
        try await server.kill()
        let error = await #expect(throws: IPCError.self) { try await waiting.value }
        #expect(error?.code == .peerClosed)
        _ = try await server.exitStatus()
        // The name of a server that was killed stays for the next one, which takes it over.
        try RingListener(at: .unix(path: path)).close()
    }
}
