import IPCSharedMemory
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// What lies in an arena, in one process.
@Suite(.watched) struct ArenaTests {
    struct Price: PlainData, Equatable {
        var cents: Int64
        var kind: UInt8
    }

    struct Node: PlainData {
        var number: UInt64
        var next: SharedPointer<SharedValue<Node>>
    }

    private func makeOwner(_ byteCount: Int = 1 << 20) throws -> SharedArenaOwner {
        try SharedArena(byteCount: byteCount).claim()
    }

    // MARK: Contents

    @Test func arraysKeepWhatIsPutIn() async throws {
        let owner = try makeOwner()
        let prices = try owner.makeArray(of: Price.self, capacity: 3)
        #expect(try prices.count == 0)
        for cents in 1...3 { try prices.append(Price(cents: Int64(cents), kind: 7)) }
        #expect(await code { try prices.append(Price(cents: 4, kind: 0)) } == .resourceExhausted)
        #expect(try prices.elements().map(\.cents) == [1, 2, 3])
        try prices.set(Price(cents: 9, kind: 1), at: 1)
        #expect(try prices.element(at: 1) == Price(cents: 9, kind: 1))
        for index in [-1, 3, Int.max, Int.min] {
            #expect(await code { _ = try prices.element(at: index) } == .invalidArgument)
            #expect(await code { try prices.set(Price(cents: 0, kind: 0), at: index) } == .invalidArgument)
        }
        #expect(try prices.removeLast()?.cents == 3)
        try prices.replaceAll(with: [Price(cents: 5, kind: 5)])
        #expect(try prices.count == 1)
        #expect(
            await code { try prices.replaceAll(with: Array(repeating: Price(cents: 0, kind: 0), count: 4)) }
                == .resourceExhausted)
        try prices.removeAll()
        #expect(try prices.removeLast() == nil)
    }

    @Test func stringsKeepWhatIsPutIn() async throws {
        let owner = try makeOwner()
        let text = try owner.makeString(capacity: 10)
        #expect(try text.get().isEmpty)
        for word in ["", "grün", "0123456789"] {
            try text.set(word)
            #expect(try text.get() == word)
        }
        #expect(await code { try text.set("grün456789") } == .resourceExhausted)
        #expect(try text.get() == "0123456789")
        for capacity in [0, -1, Int.max] {
            #expect(await code { _ = try owner.makeString(capacity: capacity) } == .invalidArgument)
        }
    }

    @Test func mapsAreAsADictionary() async throws {
        struct Key: PlainData, Hashable {
            var small: UInt8
            var large: UInt64
        }
        let owner = try makeOwner()
        let map = try owner.makeMap(of: Key.self, to: Price.self, capacity: 50)
        var model: [Key: Price] = [:]
        var random = SeededGenerator(seed: 11)
        for _ in 0..<20_000 {
            let key = Key(small: .random(in: 0..<4, using: &random), large: .random(in: 0..<20, using: &random))
            if Int.random(in: 0..<3, using: &random) == 0 {
                #expect(try map.removeValue(of: key) == (model.removeValue(forKey: key) != nil))
            } else {
                let value = Price(cents: .random(in: .min ... .max, using: &random), kind: 3)
                if model[key] == nil, model.count == 50 {
                    #expect(await code { try map.set(value, for: key) } == .resourceExhausted)
                } else {
                    try map.set(value, for: key)
                    model[key] = value
                }
            }
            #expect(try map.count == model.count)
            #expect(try map.value(of: key) == model[key])
        }
        let entries = try map.entries()
        #expect(entries.count == model.count)
        for (key, value) in entries { #expect(model[key] == value) }
    }

    @Test func pointersLeadOn() throws {
        let owner = try makeOwner()
        var head = SharedPointer<SharedValue<Node>>.null
        for number in 0..<100 {
            head = SharedPointer(try owner.makeValue(Node(number: UInt64(number), next: head)))
        }
        try owner.setRoot("list", to: try owner.content(of: head))
        var numbers: [UInt64] = []
        var node = try owner.arena.root("list", as: SharedValue<Node>.self).get()
        while true {
            numbers.append(node.number)
            if node.next.isNull { break }
            node = try owner.arena.content(of: node.next).get()
        }
        #expect(numbers == (0..<100).reversed())
        #expect(try owner.reclaimUnreachable() == 0)
        try owner.removeRoot("list")
        #expect(try owner.reclaimUnreachable() == 100)
        #expect(owner.statistics.blockCount == 0)
    }

    // MARK: Rules

    @Test func aReaderChangesNothing() async throws {
        let owner = try makeOwner()
        let made = try owner.makeArray(of: UInt64.self, capacity: 4)
        try made.append(1)
        try owner.setRoot("numbers", to: made)
        let read = try owner.arena.root("numbers", as: SharedArray<UInt64>.self)
        #expect(await code { try read.append(2) } == .permissionDenied)
        #expect(await code { try read.set(2, at: 0) } == .permissionDenied)
        try read.atomic(at: 0).wrappingAdd(5)
        #expect(try made.element(at: 0) == 6)
        #expect(await code { _ = try read.atomic(at: 1) } == .invalidArgument)
        owner.release()
        #expect(await code { try made.append(2) } == .closed)
        #expect(await code { _ = try owner.makeString(capacity: 4) } == .closed)
        #expect(try read.elements() == [6])
    }

    @Test func freeingTwiceIsAnError() async throws {
        let owner = try makeOwner()
        let first = try owner.makeString(capacity: 100)
        let pointer = SharedPointer(first)
        try owner.setRoot("text", to: first)
        try owner.free(first)
        #expect(await code { try owner.free(first) } == .removed)
        #expect(await code { _ = try first.get() } == .removed)
        #expect(await code { try first.set("x") } == .removed)
        // The same place, another block.
        let second = try owner.makeString(capacity: 100)
        try second.set("second")
        #expect(await code { try owner.free(first) } == .removed)
        #expect(await code { _ = try owner.content(of: pointer) } == .removed)
        #expect(await code { _ = try owner.root("text", as: SharedString.self) } == .removed)
        #expect(await code { try owner.setRoot("text", to: first) } == .removed)
        #expect(try second.get() == "second")
        let other = try makeOwner()
        #expect(await code { try other.free(second) } == .invalidArgument)
        #expect(await code { _ = try owner.content(of: SharedPointer<SharedString>.null) } == .invalidArgument)
    }

    @Test func whatWasExpectedAndFoundIsSaid() async throws {
        let owner = try makeOwner()
        try owner.setRoot("prices", to: try owner.makeArray(of: Price.self, capacity: 4))
        let error = #expect(throws: IPCError.self) {
            try owner.arena.root("prices", as: SharedArray<UInt64>.self)
        }
        #expect(error?.code == .typeMismatch)
        #expect(error?.message.contains("expected an array of UInt64") ?? false)
        #expect(error?.message.contains("found an array of Price") ?? false)
        #expect(await code { _ = try owner.arena.root("prices", as: SharedValue<Price>.self) } == .typeMismatch)
        #expect(await code { _ = try owner.arena.root("missing", as: SharedString.self) } == .notFound)
        for name in ["", String(repeating: "x", count: 64)] {
            #expect(await code { _ = try owner.arena.root(name, as: SharedString.self) } == .invalidName)
        }
        #expect(try owner.arena.rootNames().map { "\($0.name) is \($0.kind)" } == ["prices is an array of Price"])
    }

    @Test func rootsHaveALimit() async throws {
        let owner = try makeOwner()
        let text = try owner.makeString(capacity: 1)
        for number in 0..<128 { try owner.setRoot("root \(number)", to: text) }
        #expect(await code { try owner.setRoot("one more", to: text) } == .resourceExhausted)
        try owner.setRoot("root 5", to: text)
        #expect(try owner.removeRoot("root 5"))
        #expect(try !owner.removeRoot("root 5"))
        try owner.setRoot("one more", to: text)
        #expect(try owner.arena.rootNames().count == 128)
    }

    @Test func sizesAndVersionsAreChecked() async throws {
        for size in [0, 1, 4096, Int.max] {
            #expect(await code { _ = try SharedArena(byteCount: size) } == .invalidArgument)
        }
        try await withName { name in
            let place = SharedMemoryPlace.named(name)
            _ = try SharedArena(at: place, .create, byteCount: 100_000)
            #expect(await code { _ = try SharedArena(at: place, .open, byteCount: 100_001) } == .typeMismatch)
            let raw = try SharedMemory(at: place, .open)
            try raw.store(UInt32(2), at: 12)
            #expect(await code { _ = try SharedArena(at: place, .open) } == .wrongVersion)
        }
        try await withName { name in
            _ = try SharedMemory(at: .named(name), .create, byteCount: 100_000, layout: RegionLayout("other"))
            #expect(await code { _ = try SharedArena(at: .named(name), .open) } == .typeMismatch)
        }
    }
}
