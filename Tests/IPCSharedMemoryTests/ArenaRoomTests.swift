import IPCSharedMemory
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// Allocating and freeing in an arena.
@Suite(.watched) struct ArenaRoomTests {
    @Test func allocationsAreAsAModelOfThem() async throws {
        let owner = try SharedArena(byteCount: 200_000).claim()
        let whole = owner.largestFreeByteCount
        var model: [(array: SharedArray<UInt8>, bytes: [UInt8])] = []
        var random = SeededGenerator(seed: 5)
        var refusals = 0
        for step in 0..<5000 {
            if Bool.random(using: &random) || model.isEmpty {
                // Now and then larger ones, so that the arena gets full.
                let size = Int.random(in: 1...(step % 10 == 0 ? 90_000 : 2000), using: &random)
                do throws(IPCError) {
                    let array = try owner.makeArray(of: UInt8.self, capacity: size)
                    let bytes = random.bytes(size)
                    try array.replaceAll(with: bytes)
                    model.append((array, bytes))
                } catch {
                    #expect(error.code == .resourceExhausted)
                    #expect(size + 16 > owner.largestFreeByteCount)
                    refusals += 1
                }
            } else {
                let index = Int.random(in: model.indices, using: &random)
                let (array, bytes) = model.remove(at: index)
                #expect(try array.elements() == bytes)
                try owner.free(array)
            }
            let used = model.reduce(0) { $0 + ($1.bytes.count + 16 + 32 + 31) / 32 * 32 }
            let statistics = owner.statistics
            #expect(statistics.blockCount == model.count)
            // A block may keep up to 32 bytes that are too few for one of their own.
            #expect(statistics.usedByteCount >= used && statistics.usedByteCount <= used + 32 * model.count)
            #expect(statistics == owner.arena.statistics)
        }
        #expect(refusals > 10)
        for (array, bytes) in model {
            #expect(try array.elements() == bytes)
            try owner.free(array)
        }
        #expect(owner.largestFreeByteCount == whole)
        #expect(owner.statistics.usedByteCount == 0)
    }

    /// Whoever claims the arena after somebody else finds the same blocks.
    @Test func theNextOwnerFindsTheSame() async throws {
        let arena = try SharedArena(byteCount: 200_000)
        var random = SeededGenerator(seed: 6)
        var pointers: [SharedPointer<SharedArray<UInt8>>] = []
        for _ in 0..<50 {
            let owner = try arena.claim()
            #expect(owner.recoveredBlockCount == 0)
            #expect(owner.statistics.blockCount == pointers.count)
            for _ in 0..<10 {
                let array = try owner.makeArray(of: UInt8.self, capacity: .random(in: 1...300, using: &random))
                try array.append(UInt8(truncatingIfNeeded: pointers.count))
                pointers.append(SharedPointer(array))
            }
            for _ in 0..<5 {
                let index = Int.random(in: pointers.indices, using: &random)
                try owner.free(try owner.content(of: pointers.remove(at: index)))
            }
            let statistics = owner.statistics
            owner.release()
            #expect(arena.statistics == statistics)
        }
    }

    @Test func holesAreJoined() async throws {
        let owner = try SharedArena(byteCount: 300_000).claim()
        let whole = owner.largestFreeByteCount
        // From the left, from the right, and every second one first.
        for order in [{ $0 }, { 99 - $0 }, { ($0 * 2 + $0 / 50) % 100 }] as [(Int) -> Int] {
            let pieces = try (0..<100).map { _ in try owner.makeString(capacity: 1000) }
            var seen: Set<Int> = []
            for step in 0..<100 {
                let index = order(step)
                #expect(seen.insert(index).inserted)
                try owner.free(pieces[index])
            }
            #expect(owner.largestFreeByteCount == whole)
        }
        // Half of it is free, but in pieces: a large one is refused, and the error says so.
        let pieces = try (0..<100).map { _ in try owner.makeString(capacity: 1000) }
        for index in stride(from: 0, to: 100, by: 2) { try owner.free(pieces[index]) }
        let rest = owner.largestFreeByteCount
        _ = try owner.makeArray(of: UInt8.self, capacity: rest - 16)
        let error = #expect(throws: IPCError.self) { try owner.makeString(capacity: 5000) }
        #expect(error?.code == .resourceExhausted)
        #expect(error?.message.contains("in one piece") ?? false)
        for _ in 0..<50 { _ = try owner.makeString(capacity: 1000) }
    }

    @Test func aFullArenaIsAnError() async throws {
        let owner = try SharedArena(byteCount: 65_536).claim()
        var strings: [SharedString] = []
        while true {
            do throws(IPCError) {
                strings.append(try owner.makeString(capacity: 64))
            } catch {
                #expect(error.code == .resourceExhausted)
                break
            }
        }
        #expect(strings.count > 50)
        for capacity in [1 << 20, 1 << 40, Int.max / 8, Int.max / 4] {
            let found = await code { _ = try owner.makeArray(of: UInt64.self, capacity: capacity) }
            #expect(found == .resourceExhausted || found == .invalidArgument)
        }
        try owner.free(strings.removeLast())
        try owner.makeString(capacity: 64).set("fits")
    }

    @Test func oneOwnerAtATime() async throws {
        let arena = try SharedArena(byteCount: 65_536)
        let owner = try arena.claim()
        let error = #expect(throws: IPCError.self) { try arena.claim() }
        #expect(error?.code == .busy)
        #expect(error?.message.contains("process \(ProcessFacts.processID)") ?? false)
        owner.release()
        owner.release()
        try arena.claim().release()
        _ = try arena.claim()
        // The one before went without release.
        let last = try arena.claim()
        #expect(last.statistics.blockCount == 0)
        try await withName { name in
            _ = try SharedArena(at: .named(name), .create, byteCount: 65_536)
            let reader = try SharedArena(
                at: .named(name), .open, options: SharedMemoryOptions(access: .readOnly))
            #expect(await code { _ = try reader.claim() } == .permissionDenied)
        }
        let key = Int32.random(in: 0x4000_0000...Int32.max)
        let segment = try SharedArena(at: .segment(key: key), .create, byteCount: 65_536)
        #expect(await code { _ = try segment.claim() } == .unsupported)
        try SharedMemory.remove(.segment(key: key))
    }
}
