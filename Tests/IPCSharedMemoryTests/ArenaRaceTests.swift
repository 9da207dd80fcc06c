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

    /// What the four roots lead to, to change for the owner and to read for others.
    private struct Things: Sendable {
        let value: SharedValue<Wide>
        let text: SharedString
        let map: SharedMap<UInt16, Wide>
        let array: SharedArray<Small>
    }

    @Test func theOwnerChangesWhatOthersRead() async throws {
        let owner = try SharedArena(byteCount: 1 << 17).claim()
        let changed = Things(
            value: try owner.makeValue(Wide(0)), text: try owner.makeString(capacity: 61),
            map: try owner.makeMap(of: UInt16.self, to: Wide.self, capacity: 4),
            array: try owner.makeArray(of: Small.self, capacity: 7))
        let seen = Things(
            value: try owner.arena.content(of: SharedPointer(changed.value)),
            text: try owner.arena.content(of: SharedPointer(changed.text)),
            map: try owner.arena.content(of: SharedPointer(changed.map)),
            array: try owner.arena.content(of: SharedPointer(changed.array)))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 0..<rounds {
                    try Self.change(changed, owner, UInt64(number))
                    if number % 16 == 0 { await Task.yield() }
                }
            }
            group.addTask {
                for number in 0..<rounds {
                    try Self.look(seen)
                    if number % 16 == 0 { await Task.yield() }
                }
            }
            try await group.waitForAll()
        }
    }

    private let rounds = 1000

    private static func change(_ things: Things, _ owner: SharedArenaOwner, _ number: UInt64) throws {
        try things.value.set(Wide(number))
        try things.text.set(String(repeating: "\(number % 10)", count: Int(number % 61)))
        if number % 7 == 6 { try things.map.removeValue(of: UInt16(number % 3)) }
        try things.map.set(Wide(number), for: UInt16(number % 3))
        if number % 7 == 0 { try things.array.removeAll() }
        try things.array.append(Small(bytes: (1, 2, UInt8(number % 256))))
        try things.array.set(Small(bytes: (1, 2, 0)), at: 0)
    }

    private static func look(_ things: Things) throws {
        func skippingBusy(_ body: () throws -> Void) throws {
            do {
                try body()
            } catch let error as IPCError where error.code == .busy {}
        }
        try skippingBusy {
            let value = try things.value.get()
            #expect(value.isWhole)
        }
        try skippingBusy {
            let text = try things.text.get()
            #expect(Set(text).count <= 1)
        }
        try skippingBusy {
            for entry in try things.map.entries() {
                #expect(entry.value.isWhole && entry.value.words[0] % 3 == UInt64(entry.key))
            }
        }
        let elements = try things.array.elements()
        #expect(elements.allSatisfy { $0.bytes.0 == 1 && $0.bytes.1 == 2 })
    }
}
