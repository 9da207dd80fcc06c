import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

@testable import IPCWorkers

/// What goes beside the frames: large values in sealed files, and descriptors.
@Suite(.watched) struct ParcelTests {
    @Test func largeValuesGoBothWays() async throws {
        var options = WorkerPoolOptions.helper
        options.sharedValueSize = 10_000
        try await withHelperPool(options: options) { pool async throws in
            let sizes = [9_000, 9_999, 10_000, 70_000, 5 << 20, 0]
            let tasks = (0..<30).map { Echo(bytes: Blob.bytes(sizes[$0 % sizes.count])) }
            var index = 0
            for try await bytes in pool.map(tasks) {
                #expect(bytes == tasks[index].bytes)
                index += 1
            }
            #expect(index == tasks.count)
        }
    }

    @Test func outputOfAHundredMebibytes() async throws {
        try await withHelperPool(1) { pool async throws in
            let bytes = try await pool.run(Blob(count: 100 << 20))
            #expect(bytes.count == 100 << 20)
            #expect(bytes == Blob.bytes(100 << 20))
        }
    }

    /// More tasks with parcels than the socket for parcels holds.
    @Test func manyLargeTasksAtOnce() async throws {
        var options = WorkerPoolOptions.helper
        options.sharedValueSize = 100
        try await withHelperPool(2, options: options) { pool async throws in
            var index = 0
            for try await bytes in pool.map((0..<1000).map { Echo(bytes: Blob.bytes(90 + $0 % 40)) }) {
                #expect(bytes == Blob.bytes(90 + index % 40))
                index += 1
            }
            #expect(index == 1000)
        }
    }

    /// A task that is handed back, given up or tried again leaves the parcels of the others in their places.
    @Test func parcelsOfTasksThatAreNotRun() async throws {
        var options = WorkerPoolOptions.helper
        options.sharedValueSize = 100
        try await withTemporaryDirectory { folder async throws in
            try await withHelperPool(1, options: options) { pool async throws in
                for round in 0..<5 {
                    let busy = Task { try await pool.run(WaitForFile(path: "\(folder)/\(round)")) }
                    let lost = (0..<3).map { _ in Task { try await pool.run(Echo(bytes: Blob.bytes(1000))) } }
                    let kept = (0..<3).map { _ in Task { try await pool.run(Echo(bytes: Blob.bytes(2000))) } }
                    try await Task.sleep(for: .milliseconds(round * 3))
                    for task in lost { task.cancel() }
                    try await Command("touch", "\(folder)/\(round)").run()
                    _ = try await busy.value
                    for task in lost { _ = await task.result }
                    for task in kept { #expect(try await task.value == Blob.bytes(2000)) }
                }
            }
        }
    }

    @Test func largeAnswersSurviveTheDeathsOfWorkers() async throws {
        var options = WorkerPoolOptions.helper
        options.sharedValueSize = 1000
        options.restartLimit = .init(count: 1000, in: .seconds(10))
        try await withHelperPool(2, options: options) { pool async throws in
            for round in 0..<10 {
                async let crash = code { try await pool.run(Crash(way: .kill)) }
                var count = 0
                for try await bytes in pool.map(repeatElement(Echo(bytes: Blob.bytes(3000 + round)), count: 50)) {
                    #expect(bytes == Blob.bytes(3000 + round))
                    count += 1
                }
                #expect(count == 50)
                #expect(await crash == .workerCrashed)
            }
        }
    }

    @Test func regionIsSharedWithATask() async throws {
        let region = try SharedMemory(byteCount: 4096)
        try await withHelperPool { pool async throws in
            #expect(try await pool.run(FillRegion(region: region, byte: 7)) == 4096)
            #expect(try region.read(1000) == [UInt8](repeating: 7, count: 1000))
        }
    }

    @Test func regionComesAgainWhenTheTaskIsTriedAgain() async throws {
        let region = try SharedMemory(byteCount: 4096)
        try await withTemporaryDirectory { folder async throws in
            try await withHelperPool { pool async throws in
                _ = try await pool.run(FillRegion(region: region, byte: 9, marker: "\(folder)/marker"))
                #expect(try region.read(1000) == [UInt8](repeating: 9, count: 1000))
                #expect(pool.statistics.retried == 1)
            }
        }
    }

    @Test func taskGivesARegionToItsCaller() async throws {
        try await withHelperPool { pool async throws in
            let made = try await pool.run(MakeRegion())
            #expect(try made.region.read(3) == [1, 2, 3])
        }
    }

    @Test func descriptorsTravelInNothingElse() throws {
        let region = try SharedMemory(byteCount: 4096)
        #expect(throws: IPCError.self) { _ = try BinaryCodec.encode(FillRegion(region: region, byte: 1)) }
    }

    @Test func fileThatCanChangeIsRefused() throws {
        let bytes = [UInt8](repeating: 5, count: 5000)
        let sealed = try unsafe SealedFile(bytes.span.bytes)
        let number = try #require(sealed.descriptor.borrowedNumber)
        let found = try SealedFile(try PassedDescriptor(duplicating: number), byteCount: 5000)
        #expect([UInt8](found.span) == bytes)
        #expect(throws: IPCError.self) { try SealedFile(try PassedDescriptor(duplicating: number), byteCount: 4999) }
        let open = PassedDescriptor(owning: try MemoryCalls.makeFile("test").release())
        try FileCalls.truncate(try #require(open.borrowedNumber), to: 5000)
        #expect(throws: IPCError.self) { try SealedFile(open, byteCount: 5000) }
    }
}
