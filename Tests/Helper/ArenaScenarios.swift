import IPCProcess
import IPCSharedMemory

/// What other processes do in the tests of arenas.
let arenaScenarios: [String: Scenario] = [
    "arena-churn": arenaChurn, "arena-claim": arenaClaim, "arena-read": arenaRead, "arena-count": arenaCount,
    "arena-inherit": arenaInherit, "arena-scribble": arenaScribble,
]

private typealias Items = SharedMap<UInt64, SharedPointer<SharedArray<UInt64>>>

/// NAME SEED CHANGES: claims the arena and makes so many changes, or (with -1) changes until it is killed. Item k is an
/// array of k ^ 0, k ^ 1, and so on; the root "counter" has a value that is always twice the same number.
private func arenaChurn(_ arguments: [String]) async throws -> Int32 {
    let arena = try SharedArena(at: .named(arguments[0]), .open)
    let owner = try arena.claim()
    try owner.reclaimUnreachable()
    let items = try owner.root("items", as: Items.self)
    let counter = try owner.root("counter", as: SharedValue<SIMD2<UInt64>>.self)
    var random = Numbers(state: UInt64(arguments[1])!)
    let changes = Int(arguments[2])!
    say("ready")
    var change = 0
    while change != changes {
        change += 1
        let key = random.next() % 40
        if let pointer = try items.value(of: key) {
            let array = try owner.content(of: pointer)
            try items.removeValue(of: key)
            try owner.free(array)
        } else {
            let count = random.next() % 300 + 1
            guard let array = try makeArray(owner, Int(count)) else { continue }
            for index in 0..<count { try array.append(key ^ index) }
            try items.set(SharedPointer(array), for: key)
        }
        let before = try counter.get()
        try counter.set(before &+ SIMD2(1, 1))
    }
    return 0
}

/// nil when the arena is full.
private func makeArray(_ owner: SharedArenaOwner, _ count: Int) throws(IPCError) -> SharedArray<UInt64>? {
    do throws(IPCError) {
        return try owner.makeArray(of: UInt64.self, capacity: count)
    } catch {
        guard error.code == .resourceExhausted else { throw error }
        return nil
    }
}

private struct Numbers {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }
}

/// NAME [hold]: says the code of the error of claiming the arena, or "claimed", and holds the claim until it is killed.
private func arenaClaim(_ arguments: [String]) async throws -> Int32 {
    do throws(IPCError) {
        let owner = try SharedArena(at: .named(arguments[0]), .open).claim()
        say("claimed")
        if arguments.count > 1 { try? await Task.sleep(for: .seconds(60)) }
        owner.release()
    } catch {
        say("\(error.code)")
    }
    return 0
}

/// NAME: says what the root "numbers" has, read through a mapping that cannot be written to.
private func arenaRead(_ arguments: [String]) async throws -> Int32 {
    let arena = try SharedArena(
        at: .named(arguments[0]), .open, options: SharedMemoryOptions(access: .readOnly))
    say("\(try arena.root("numbers", as: SharedArray<UInt32>.self).elements())")
    return 0
}

/// NAME TIMES: adds 1 so many times to the first word of the root "words".
private func arenaCount(_ arguments: [String]) async throws -> Int32 {
    let arena = try SharedArena(at: .named(arguments[0]), .open)
    let word = try arena.root("words", as: SharedArray<UInt64>.self).atomic(at: 0)
    for _ in 0..<Int(arguments[1])! { word.wrappingAdd(1) }
    return 0
}

/// Says the text in an arena that it was given, and the code of the error of claiming it.
private func arenaInherit(_ arguments: [String]) async throws -> Int32 {
    let arena = try InheritedEndpoints.take(0, as: SharedArena.self)
    let text = try arena.root("text", as: SharedString.self).get()
    do throws(IPCError) {
        _ = try arena.claim()
        say("\(text) claimed")
    } catch {
        say("\(text) \(error.code)")
    }
    return 0
}

/// NAME SEED: writes random words into random places of an arena's memory, behind the header of the region, until it is
/// killed.
private func arenaScribble(_ arguments: [String]) async throws -> Int32 {
    let memory = try SharedMemory(at: .named(arguments[0]), .open)
    var random = Numbers(state: UInt64(arguments[1])!)
    say("ready")
    var count = 0
    while count < .max {
        count += 1
        let offset = 4096 + Int(random.next()) % (memory.byteCount - 4096) / 8 * 8
        // Some like what is there, some not.
        let word = try memory.load(at: offset, as: UInt64.self)
        try memory.store(random.next() % 2 == 0 ? random.next() << 20 : word ^ 1 << (random.next() % 64), at: offset)
    }
    return 0
}
