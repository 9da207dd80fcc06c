import IPCSockets
import IPCSystem
import TestSupport
import Testing

@testable import IPCWorkers

/// What a worker of a server says, without a process.
@Suite(.watched) struct ServerWorkerTests {
    /// A signal to a worker asks for its replacement, whatever the worker is saying at that moment.
    @Test func aReplacementIsAskedForBehindWhatIsOnItsWay() async throws {
        let (control, server) = try SocketChannel.makePair(options: ServerControl.serverOptions)
        let file = try MemoryCalls.makeFile("swift-ipc-test")
        try MemoryCalls.allocate(file.number, size: 4096)
        let worker = ServerWorker(
            control, try MappedMemory(file.number, byteCount: 4096),
            ServerControl.Welcome(version: ServerControl.version, place: 0, rowOffset: 0, fileByteCount: 4096))
        // Until no message fits any more, and a sender waits for room.
        var count = 0
        while try control.trySend([UInt8](repeating: 1, count: 60_000)) { count += 1 }
        let waiting = Task { try await control.send([2]) }
        await Task.yield()
        worker.requestReplacement()
        worker.requestReplacement()
        var said: [[UInt8]] = []
        for _ in 0..<count + 2 {
            said.append(try #require(try await server.receive(until: .after(.seconds(100)))))
        }
        try await waiting.value
        let reports = said.filter { $0.count < 60_000 && $0 != [2] }
        #expect(reports == [try BinaryCodec.encode(ServerControl.Report.replace(fault: nil))])
    }
}
