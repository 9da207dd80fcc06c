import ConformanceTransports
import IPCProcess
import IPCTestKit
import TestSupport
import Testing

@Suite(.watched) struct KillPointTests {
    @Test func environmentNamesPointAndPassage() {
        #expect(KillPoint("after-write", passage: 3).environment == ["IPC_KILL_POINT": "after-write:3"])
        #expect(KillPoint("a:b").environment == ["IPC_KILL_POINT": "a:b:1"])
    }

    @Test func aProcessThatWasNotAskedGoesOn() {
        for _ in 0..<10 { KillPoint.pass("nobody-asked") }
    }

    /// The peer program marks each message that it has sent; it dies at the chosen one and at no other point.
    @Test(arguments: [1, 2, 17])
    func aProcessDiesAtThePassageThatWasAskedFor(_ passage: Int) async throws {
        try await withWatchdog(.seconds(200)) {
            let status = try await run(KillPoint("conformance-peer-sent", passage: passage)) { received in
                #expect(received == passage)
            }
            guard case .signaled(.kill, _) = status else {
                Issue.record("the peer \(status)")
                return
            }
        }
    }

    @Test func anotherPointIsPassed() async throws {
        try await withWatchdog(.seconds(200)) {
            let status = try await run(KillPoint("elsewhere")) { #expect($0 == 30) }
            #expect(status.isSuccess)
        }
    }

    /// Starts a peer that sends 30 messages, counts what arrives, and says how it ended.
    private func run(_ point: KillPoint, counted: (Int) -> Void) async throws -> IPCProcess.ExitStatus {
        let transport = ConformanceTransport.socketPair
        let remote = try #require(transport.remote)
        let (end, endpoint) = try await remote.makeEnd(.both)
        defer { end.close() }
        let receiver = try #require(end.receiver as (any ReceiveChannel<[UInt8]>)?)
        var options = ChildProcess.Options()
        let order = ["SWIFT_IPC_CONFORMANCE_PEER": "stream,30,\(transport.name)"]
        options.environment = .inherit.updating(order.merging(point.environment) { $1 }.mapValues { $0 })
        return try await withChildProcess(
            .path(remote.program), options: options, transferring: [Endpoint(transferred: endpoint)]
        ) { child in
            var received = 0
            do throws(IPCError) {
                while try await receiver.receive(until: .after(.seconds(60))) != nil { received += 1 }
            } catch {
                #expect(error.code == .peerClosed)
            }
            counted(received)
            return try await child.exitStatus(until: .after(.seconds(60)))
        }
    }
}

private struct Endpoint: DescriptorTransferable {
    let transferred: TransferredDescriptors

    consuming func transfer() throws(IPCError) -> TransferredDescriptors { transferred }

    static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> Endpoint {
        Endpoint(transferred: transferred)
    }
}
