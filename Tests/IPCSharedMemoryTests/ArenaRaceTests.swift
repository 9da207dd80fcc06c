import IPCCore
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

/// The owner of an arena and its readers on one mapping, where the thread sanitizer sees a plain copy as the race it is.
@Suite(.watched) struct ArenaRaceTests {
    private struct Wide: PlainData {
        var words: InlineArray<5, UInt64>
        /// Makes the last word one that is not whole.
        var rest: UInt32

        init(_ number: UInt64) {
            words = .init(repeating: number)
            rest = UInt32(truncatingIfNeeded: number)
        }

        var isWhole: Bool {
            words.indices.allSatisfy { words[$0] == words[0] } && rest == UInt32(truncatingIfNeeded: words[0])
        }
    }

    private struct Small: PlainData { var bytes: (UInt8, UInt8, UInt8) }

    @Test func theOwnerChangesWhatOthersRead() async throws {
        let owner = try SharedArena(byteCount: 1 << 17).claim()
        try owner.setRoot("value", to: try owner.makeValue(Wide(0)))
        try owner.setRoot("text", to: try owner.makeString(capacity: 61))
        try owner.setRoot("map", to: try owner.makeMap(of: UInt16.self, to: Wide.self, capacity: 4))
        let array = try owner.makeArray(of: Small.self, capacity: 7)
        try owner.setRoot("array", to: array)
        let isOver = FutexWord()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    var looks = 0
                    while isOver.value == 0 || looks == 0 {
                        try Self.look(owner.arena)
                        looks += 1
                        await Task.yield()
                    }
                    return looks
                }
            }
            try await Self.change(owner, array)
            _ = isOver.add(1)
            for try await looks in group { #expect(looks > 0) }
        }
    }

    private static func change(_ owner: SharedArenaOwner, _ array: SharedArray<Small>) async throws {
        let value = try owner.root("value", as: SharedValue<Wide>.self)
        let text = try owner.root("text", as: SharedString.self)
        let map = try owner.root("map", as: SharedMap<UInt16, Wide>.self)
        for number in 0..<2000 as Range<UInt64> {
            try value.set(Wide(number))
            try text.set(String(repeating: "\(number % 10)", count: Int(number % 61)))
            if number % 7 == 6 { try map.removeValue(of: UInt16(number % 3)) }
            try map.set(Wide(number), for: UInt16(number % 3))
            if number % 8 == 7 { try array.removeAll() }
            try array.append(Small(bytes: (1, 2, UInt8(number % 256))))
            try array.set(Small(bytes: (1, 2, 0)), at: 0)
            // A block that comes and goes where others look.
            try owner.free(try owner.makeString(capacity: 100))
            if number % 16 == 0 { await Task.yield() }
        }
    }

    private static func look(_ arena: SharedArena) throws {
        func skippingBusy(_ body: () throws -> Void) throws {
            do {
                try body()
            } catch let error as IPCError where error.code == .busy {}
        }
        try skippingBusy {
            let value = try arena.root("value", as: SharedValue<Wide>.self).get()
            #expect(value.isWhole)
        }
        try skippingBusy {
            let text = try arena.root("text", as: SharedString.self).get()
            #expect(Set(text).count <= 1)
        }
        try skippingBusy {
            for entry in try arena.root("map", as: SharedMap<UInt16, Wide>.self).entries() {
                #expect(entry.value.isWhole && entry.value.words[0] % 3 == UInt64(entry.key))
            }
        }
        let elements = try arena.root("array", as: SharedArray<Small>.self).elements()
        #expect(elements.allSatisfy { $0.bytes.0 == 1 && $0.bytes.1 == 2 })
    }
}
