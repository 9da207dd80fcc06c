import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

@testable import IPCWorkers

/// The statistics of a server, in a region that each of its workers may write to.
@Suite(.watched) struct ServerStatisticsTests {
    @Test(arguments: [UInt64.max, UInt64(Int64.max), 1 << 62])
    func forgedNumbersTrapNobody(_ number: UInt64) async throws {
        let board = try await ServerBoard(name: nil, address: "unix:/x", rowCount: 2, until: .never)
        let bytes = board.memory.payload
        for index in 0..<2 {
            let row = ServerBoardLayout.row(index)
            for word in [ServerRowWord.place, .startedAt, .accepted, .active, .requests, .restarts] {
                bytes.word64(word.offset(in: row)).storeRelaxed(number)
            }
            bytes.word64(ServerRowWord.phase.offset(in: row)).storeRelaxed(ServerStatistics.Worker.Phase.ready.rawValue)
            bytes.word64(ServerRowWord.processID.offset(in: row)).storeRelaxed(UInt64(ProcessFacts.processID))
        }
        bytes.word64(72).storeRelaxed(2)
        for offset in [32, 40, 48, 56, 64] { bytes.word64(offset).storeRelaxed(number) }
        let found = try ServerStatistics(bytes)
        #expect(found.workers.count == 2)
        #expect(found.connectionsActive >= 0 && found.requests >= 0 && found.connectionsAccepted >= 0)
    }
}
