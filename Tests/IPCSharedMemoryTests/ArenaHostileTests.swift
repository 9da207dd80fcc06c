import IPCProcess
import IPCSharedMemory
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// Memory that says what it should not: typed errors, never a trap, never an access outside. F21.
@Suite(.watched) struct ArenaHostileTests {
    private let size = 65_536

    /// One of each in an arena.
    private func fill(_ name: String) throws {
        let owner = try SharedArena(at: .named(name), .create, byteCount: size).claim()
        let array = try owner.makeArray(of: UInt64.self, capacity: 20)
        try array.replaceAll(with: Array(0..<10))
        let text = try owner.makeString(capacity: 30)
        try text.set("a text")
        let map = try owner.makeMap(of: UInt32.self, to: SharedPointer<SharedArray<UInt64>>.self, capacity: 8)
        for key in 0..<5 { try map.set(SharedPointer(array), for: UInt32(key)) }
        let hole = try owner.makeString(capacity: 100)
        let value = try owner.makeValue(SharedPointer(text))
        try owner.free(hole)
        try owner.setRoot("array", to: array)
        try owner.setRoot("text", to: text)
        try owner.setRoot("map", to: map)
        try owner.setRoot("value", to: value)
    }

    /// Reads all that can be read. Errors of this library are fine, whatever they are.
    private func readAll(_ arena: SharedArena, _ owner: SharedArenaOwner?) {
        typealias Pointers = SharedMap<UInt32, SharedPointer<SharedArray<UInt64>>>
        _ = try? arena.rootNames()
        _ = arena.statistics
        if let array = try? arena.root("array", as: SharedArray<UInt64>.self, owner) {
            _ = try? array.elements()
            for index in [0, 9, 19, array.capacity - 1] { _ = try? array.element(at: index) }
            _ = try? array.atomic(at: 3).load()
        }
        if let text = try? arena.root("text", as: SharedString.self, owner) { _ = try? text.get() }
        if let map = try? arena.root("map", as: Pointers.self, owner) {
            _ = try? map.count
            for key in 0..<UInt32(7) { _ = try? map.value(of: key).map { try arena.content(of: $0).elements() } }
            _ = try? map.entries()
        }
        if let value = try? arena.root("value", as: SharedValue<SharedPointer<SharedString>>.self, owner) {
            _ = try? arena.content(of: value.get()).get()
        }
    }

    /// Changes all that can be changed.
    private func changeAll(_ owner: SharedArenaOwner) {
        readAll(owner.arena, owner)
        if let array = try? owner.root("array", as: SharedArray<UInt64>.self) {
            try? array.append(1)
            try? array.set(2, at: 9)
            _ = try? array.removeLast()
        }
        try? owner.root("text", as: SharedString.self).set("another text")
        if let map = try? owner.root("map", as: SharedMap<UInt32, SharedPointer<SharedArray<UInt64>>>.self) {
            try? map.set(.null, for: 3)
            try? map.set(.null, for: 100)
            _ = try? map.removeValue(of: 1)
        }
        let made = try? owner.makeString(capacity: 50)
        if let made { try? owner.setRoot("made", to: made) }
        if let text = try? owner.root("text", as: SharedString.self) { try? owner.free(text) }
        _ = try? owner.removeRoot("map")
        _ = try? owner.reclaimUnreachable()
        if let made { try? owner.free(made) }
    }

    /// Blocks without contents, which no owner makes, are looked through for pointers.
    @Test(arguments: 0..<8 as Range<UInt32>) func aBlockWithoutContentsLeadsNowhere(_ shape: UInt32) async throws {
        try await withName { name in
            try {
                let owner = try SharedArena(at: .named(name), .create, byteCount: size).claim()
                try owner.setRoot("text", to: try owner.makeString(capacity: 100))
            }()
            let region = try SharedMemory(at: .named(name), .open, layout: RegionLayout("swift-ipc.arena"))
            let used: UInt64 = 3
            let first = try #require(
                try stride(from: 32, to: size, by: 32).first { offset in
                    let word: UInt64 = try region.load(at: offset)
                    return word == forged(used, Int(word >> 16), offset)
                })
            let whole = Int(try region.load(at: first, as: UInt64.self) >> 16)
            try region.store(forged(used, 32, first), at: first)
            try region.store(shape | 64 << 3, at: first + 20)
            try region.store(forged(used, whole - 32, first + 32), at: first + 32)
            let owner = try SharedArena(at: .named(name), .open).claim()
            #expect(owner.statistics.blockCount == 2)
            #expect(try owner.reclaimUnreachable() == 1)
        }
    }

    /// The word of a block, with a check that is right.
    private func forged(_ state: UInt64, _ byteCount: Int, _ offset: Int) -> UInt64 {
        let size = UInt64(truncatingIfNeeded: byteCount)
        let mixed = (size << 8 | state) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(offset)
        return size << 16 | ((mixed &* 0xD6E8_FEB8_6659_FD93) >> 56) << 8 | state
    }

    @Test func everyWordMayBeWrong() async throws {
        try await withName { name in
            try fill(name)
            let raw = try SharedMemory(at: .named(name), .open)
            let good = try raw.read(raw.byteCount)
            let arena = try SharedArena(at: .named(name), .open)
            var (used, refused) = (0, 0)
            for offset in stride(from: 4096, to: raw.byteCount, by: 8) {
                let word = try raw.load(at: offset, as: UInt64.self)
                // What is zero beyond the blocks or between the roots means the same everywhere.
                if word == 0, offset % 1000 != 0, offset > 4096 + 300 { continue }
                for wrong in [0, .max, ~word, word ^ 1, word &+ 1, word ^ 1 << 20, word ^ 1 << 32, word ^ 1 << 48] {
                    try raw.store(wrong, at: offset)
                    readAll(arena, nil)
                    do throws(IPCError) {
                        changeAll(try arena.claim())
                        used += 1
                    } catch {
                        #expect(error.code == .protocolViolation)
                        refused += 1
                    }
                    try raw.write(good)
                }
            }
            #expect(used > 100 && refused > 10, "\(used) \(refused)")
            // Nothing of it stayed.
            changeAll(try arena.claim())
        }
    }

    /// An owner goes by what it knows itself: what others write into the headers of its blocks changes nothing in its
    /// lists.
    @Test func anOwnerDoesNotBelieveTheMemory() async throws {
        try await withName { name in
            let owner = try SharedArena(at: .named(name), .create, byteCount: size).claim()
            let raw = try SharedMemory(at: .named(name), .open)
            let whole = owner.largestFreeByteCount
            let strings = try (0..<20).map { _ in try owner.makeString(capacity: 100) }
            for string in strings[..<10] { try owner.free(string) }
            let first = 4096 + strings[0].block.place.offset
            for index in 0..<20 * 8 { try raw.store(UInt64.max, at: first + index * 32) }
            // Those whose serial number was hit are no more what their handles say.
            for string in strings[10...] { try? owner.free(string) }
            let made = try owner.makeString(capacity: 100)
            try made.set("whole")
            #expect(try made.get() == "whole")
            #expect(owner.largestFreeByteCount <= whole)
        }
    }

    @Test func anotherProcessMayScribble() async throws {
        try await withName { name in
            try fill(name)
            let raw = try SharedMemory(at: .named(name), .open)
            let good = try raw.read(raw.byteCount)
            let arena = try SharedArena(at: .named(name), .open)
            let scribbler = try await ChildProcess.spawn(
                .path(helperPath), arguments: ["arena-scribble", name, "7"], options: .init(standardOutput: .pipe))
            let output = try scribbler.standardOutput
            #expect(try await output.receive() == Array("ready\n".utf8))
            var (round, claims) = (0, 0)
            while round < 3000 || claims == 0 {
                round += 1
                if round % 3 == 0 { try raw.write(good) }
                readAll(arena, nil)
                if let owner = try? arena.claim() {
                    claims += 1
                    changeAll(owner)
                }
            }
            _ = try await scribbler.kill()
        }
    }
}
