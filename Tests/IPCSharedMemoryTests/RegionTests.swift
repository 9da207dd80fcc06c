import IPCProcess
import IPCSharedMemory
import IPCSockets
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct RegionTests {
    struct Point: PlainData, Equatable {
        var x: Int32
        var y: Int32
    }

    // MARK: Contents

    @Test func memoryIsZeroAndKeepsWhatIsWritten() throws {
        let region = try SharedMemory(byteCount: 10000)
        #expect(region.byteCount == 10000)
        #expect(region.wasCreated)
        #expect(try region.read(10000).allSatisfy { $0 == 0 })
        try region.write([1, 2, 3], at: 9997)
        #expect(try region.read(5, at: 9995) == [0, 0, 1, 2, 3])
        try region.store(Point(x: 1, y: -1), at: 13)
        #expect(try region.load(at: 13, as: Point.self) == Point(x: 1, y: -1))
        let word = try region.atomic(at: 24)
        #expect(word.wrappingAdd(6) == (0, 6))
        #expect(word.wrappingSubtract(1) == (6, 5))
        #expect(word.exchange(7) == 5)
        #expect(word.compareExchange(expected: 6, desired: 1) == (false, 7))
        #expect(word.compareExchange(expected: 7, desired: 1) == (true, 7))
        #expect(word.load() == 1)
    }

    @Test func accessOutsideIsAnError() async throws {
        let region = try SharedMemory(byteCount: 100)
        for (offset, count) in [(-1, 1), (100, 1), (0, 101), (99, 2), (Int.max, 1), (1, Int.max), (Int.min, 0)] {
            #expect(await code { _ = try region.read(count, at: offset) } == .invalidArgument)
        }
        #expect(try region.read(0, at: 100).isEmpty)
        #expect(await code { try region.write([1, 2], at: 99) } == .invalidArgument)
        #expect(await code { _ = try region.atomic(at: 93) } == .invalidArgument)
        #expect(await code { _ = try region.atomic(at: 4) } == .invalidArgument)
        #expect(await code { _ = try SharedMemory(byteCount: 0) } == .invalidArgument)
        #expect(await code { _ = try SharedMemory(byteCount: -5) } == .invalidArgument)
        #expect(await code { _ = try SharedMemory() } == .invalidArgument)
        #expect(await code { _ = try SharedMemory(byteCount: .max, layout: RegionLayout("x")) } == .invalidArgument)
    }

    @Test func namedMemoryIsTheSameInOtherProcesses() async throws {
        try await withName { name in
            let region = try SharedMemory(at: .named(name), .create, byteCount: 4096)
            async let first = helper(["region-count", name, "20000"])
            async let second = helper(["region-count", name, "20000"])
            _ = try await (first, second)
            #expect(try region.atomic(at: 0).load() == 40000)
        }
    }

    @Test func readingAloneCannotWrite() async throws {
        try await withName { name in
            let writer = try SharedMemory(at: .named(name), .create, byteCount: 64)
            let reader = try SharedMemory(
                at: .named(name), .open, options: SharedMemoryOptions(access: .readOnly))
            try writer.write([9])
            #expect(try reader.read(1) == [9])
            #expect(await code { try reader.write([1]) } == .permissionDenied)
            #expect(await code { _ = try reader.atomic(at: 0) } == .permissionDenied)
        }
    }

    @Test func whatIsWrittenToACopyStaysThere() throws {
        let name = "ipc-test-copy-\(ProcessFacts.processID)"
        defer { try? SharedMemory.remove(.named(name)) }
        let shared = try SharedMemory(at: .named(name), .create, byteCount: 64)
        try shared.write([1])
        let copy = try SharedMemory(at: .named(name), .open, options: SharedMemoryOptions(access: .copyOnWrite))
        try copy.write([2])
        #expect(try shared.read(1) == [1])
        #expect(try copy.read(1) == [2])
    }

    @Test func allOptionsGiveMemoryThatWorks() throws {
        for options in [
            SharedMemoryOptions(isPrefaulted: true), SharedMemoryOptions(hugePages: .transparent),
            SharedMemoryOptions(isLockedInMemory: true),
        ] {
            let region = try SharedMemory(byteCount: 1 << 16, options: options)
            try region.write([1], at: 65535)
            #expect(try region.read(1, at: 65535) == [1])
        }
    }

    // MARK: Files

    @Test func aFileOutlivesItsMakerAndHasWhatWasFlushed() async throws {
        try await withFolder { folder in
            let path = folder + "/data"
            do {
                let region = try SharedMemory(at: .file(path), .create, byteCount: 5000)
                try region.write(Array("hello".utf8), at: 4995)
                try await region.flush()
            }
            let bytes = try TestingCalls.contents(of: path)
            #expect(bytes.count == 5000)
            #expect(bytes.suffix(5) == Array("hello".utf8))
            #expect(try FileCalls.status(at: path).permissions == 0o600)
            let again = try SharedMemory(at: .file(path), .open)
            #expect(again.byteCount == 5000)
            #expect(!again.wasCreated)
            #expect(try again.read(5, at: 4995) == Array("hello".utf8))
        }
    }

    @Test func onlyFilesAreFlushed() async throws {
        let region = try SharedMemory(byteCount: 64)
        #expect(await code { try await region.flush() } == .unsupported)
    }

    @Test func memoryThatSomebodyCutShortIsAnError() async throws {
        try await withFolder { folder in
            let path = folder + "/data"
            let region = try SharedMemory(at: .file(path), .create, byteCount: 8192)
            #expect(!region.hasFixedSize)
            let other = try FileCalls.open(path, .readWrite)
            try FileCalls.truncate(other.number, to: 100)
            closeDescriptor(other.release())
            #expect(await code { _ = try region.read(1, at: 8000) } == .truncated)
            #expect(await code { try region.write([1], at: 8000) } == .truncated)
            #expect(await code { try await region.flush() } == .truncated)
        }
    }

    // MARK: Segments

    @Test func systemVSegmentsAreFoundByKey() async throws {
        let key = Int32.random(in: 0x4000_0000...Int32.max)
        let place = SharedMemoryPlace.segment(key: key)
        #expect(await code { _ = try SharedMemory(at: place, .open) } == .notFound)
        let made = try SharedMemory(at: place, .create, byteCount: 1000)
        try made.write([5], at: 999)
        #expect(await code { _ = try SharedMemory(at: place, .create, byteCount: 1000) } == .alreadyExists)
        let found = try SharedMemory(at: place, .openOrCreate, byteCount: 1000)
        #expect(!found.wasCreated)
        #expect(try found.read(1, at: 999) == [5])
        #expect(try SharedMemory.list().contains { $0.place == place && $0.byteCount == 1000 })
        try SharedMemory.remove(place)
        #expect(await code { try SharedMemory.remove(place) } == .notFound)
    }

    @Test func aSegmentThatWasLeftHalfMadeIsTakenOver() throws {
        let key = Int32.random(in: 0x4000_0000...Int32.max)
        let place = SharedMemoryPlace.segment(key: key)
        defer { try? SharedMemory.remove(place) }
        // What a maker leaves that is killed between shmget and the header.
        _ = try SegmentCalls.get(key: key, byteCount: 8192, create: true, exclusive: true, permissions: 0o600)
        let layout = RegionLayout("test.segment")
        let region = try SharedMemory(at: place, .openOrCreate, byteCount: 4096, layout: layout)
        try region.write([1])
        #expect(try SharedMemory(at: place, .open, layout: layout).read(1) == [1])
    }

    // MARK: Growth

    @Test func regionsGrowBySegments() async throws {
        try await withName { name in
            let region = try SharedMemory(at: .named(name), .create, byteCount: 64, layout: RegionLayout("test.grow"))
            let first = try region.addSegment(byteCount: 128)
            let second = try region.addSegment(byteCount: 256)
            #expect((first.number, second.number) == (1, 2))
            try second.segment.write([3], at: 255)
            let other = try SharedMemory(at: .named(name), .open, layout: RegionLayout("test.grow"))
            #expect(try other.openSegment(2)?.read(1, at: 255) == [3])
            #expect(try other.openSegment(3) == nil)
            try SharedMemory.remove(.named(name))
            #expect(try SharedMemory.list().allSatisfy { !$0.name.hasPrefix(name) })
        }
        #expect(try SharedMemory(byteCount: 64).addSegment(byteCount: 64).number == 0)
    }

    // MARK: Passing

    @Test func aChildInheritsARegion() async throws {
        let region = try SharedMemory(byteCount: 64, layout: RegionLayout("test.passed", version: 7))
        for _ in 0..<3 {
            let child = try await ChildProcess.spawn(
                .path(helperPath), arguments: ["region-inherit"], transferring: [region])
            #expect(try await child.exitStatus().isSuccess)
        }
        #expect(try region.atomic(at: 0).load() == 3)
    }

    @Test func aRegionIsAMessage() async throws {
        let (near, far) = try SocketChannel.makePair(options: SocketOptions(maximumDescriptors: 1))
        let region = try SharedMemory(byteCount: 64)
        try region.write([42])
        try await near.objects(of: SharedMemory.self).send(region)
        let received = try #require(try await far.objects(of: SharedMemory.self).receive())
        #expect(try received.load(at: 0, as: UInt8.self) == 42)
    }

    @Test func aRegionGoesOverASocket() async throws {
        let (first, second) = try SocketConnection.makePair()
        let options = SocketOptions(maximumDescriptors: 1)
        let near = try first.channel(options: options).descriptorMessages
        let far = try second.channel(options: options).descriptorMessages
        let region = try SharedMemory(byteCount: 64)
        try region.write([42])
        let given = try region.transfer(for: .readOnly)
        try await near.send(SocketMessage(given))
        let message = try #require(try await far.receive())
        let received = try SharedMemory.receive(
            TransferredDescriptors(message))
        #expect(received.access == .readOnly)
        #expect(received.hasFixedSize)
        #expect(try received.read(1) == [42])
        // Its descriptor cannot be mapped for writing at all.
        #expect(throws: SystemCallError.self) { try MappedMemory(received.file!.number, byteCount: 64) }
        #expect(await code { _ = try received.transfer(for: .readWrite) } == .permissionDenied)
    }

    @Test func memoryThatCouldBeTakenAwayIsRefused() async throws {
        for seals in [nil, MemoryCalls.Seals.growing] {
            let file = try MemoryCalls.makeFile("unsealed")
            try FileCalls.truncate(file.number, to: 4096)
            if let seals { try MemoryCalls.seal(file.number, seals) }
            var state = try SharedMemory(byteCount: 64).transfer()
            state.descriptors = [PassedDescriptor(owning: file.release())]
            let given = state
            #expect(await code { _ = try SharedMemory.receive(given) } == .protocolViolation)
        }
        let pipe = try DescriptorCalls.makePipe()
        closeDescriptor(pipe.writing)
        var state = try SharedMemory(byteCount: 64).transfer()
        state.descriptors = [PassedDescriptor(owning: pipe.reading)]
        let given = state
        #expect(await code { _ = try SharedMemory.receive(given) } == .protocolViolation)
    }

    @Test func aStateThatIsNoneIsRefused() async throws {
        let region = try SharedMemory(byteCount: 64, layout: RegionLayout("test.state"))
        for count in 0..<10 {
            var given = try region.transfer(for: .readWrite)
            given.state.removeLast(given.state.count - count)
            let cut = given
            #expect(await code { _ = try SharedMemory.receive(cut) } == .decodingFailed)
        }
        var large = try region.transfer(for: .readWrite)
        large.state.replaceSubrange(2..<10, with: [255, 255, 255, 255, 255, 255, 255, 127])
        let given = large
        #expect(await code { _ = try SharedMemory.receive(given) } == .typeMismatch)
    }

    @Test func namedMemoryIsPassedByName() async throws {
        try await withName { name in
            let region = try SharedMemory(at: .named(name), .create, byteCount: 64)
            #expect(await code { _ = try region.transfer(for: .readWrite) } == .unsupported)
        }
    }
}
