import IPCProcess
import IPCSharedMemory
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// Arenas of several processes, and owners that are killed.
@Suite(.watched) struct ArenaProcessTests {
    private typealias Items = SharedMap<UInt64, SharedPointer<SharedArray<UInt64>>>

    // MARK: Two processes

    @Test func anotherProcessFindsWhatIsThere() async throws {
        try await withName { name in
            let arena = try SharedArena(at: .named(name), .create, byteCount: 65_536)
            let owner = try arena.claim()
            let numbers = try owner.makeArray(of: UInt32.self, capacity: 10)
            try numbers.replaceAll(with: [3, 1, 4])
            try owner.setRoot("numbers", to: numbers)
            #expect(try await helper(["arena-read", name]) == "[3, 1, 4]")
            let words = try owner.makeArray(of: UInt64.self, capacity: 1)
            try words.append(0)
            try owner.setRoot("words", to: words)
            async let first = helper(["arena-count", name, "20000"])
            async let second = helper(["arena-count", name, "20000"])
            _ = try await (first, second)
            #expect(try words.element(at: 0) == 40_000)
        }
    }

    @Test func aClaimGoesWithItsProcess() async throws {
        try await withName { name in
            let arena = try SharedArena(at: .named(name), .create, byteCount: 65_536)
            let child = try await ChildProcess.spawn(
                .path(helperPath), arguments: ["arena-claim", name, "hold"], options: .init(standardOutput: .pipe))
            let output = try child.standardOutput
            #expect(try await output.receive() == Array("claimed\n".utf8))
            let error = #expect(throws: IPCError.self) { try arena.claim() }
            #expect(error?.code == .busy)
            #expect(error?.message.contains("process \(child.processID)") ?? false)
            #expect(try await helper(["arena-claim", name]) == "busy")
            _ = try await child.kill()
            let owner = try arena.claim()
            #expect(try await helper(["arena-claim", name]) == "busy")
            owner.release()
            #expect(try await helper(["arena-claim", name]) == "claimed")
        }
    }

    @Test func aChildInheritsAnArena() async throws {
        let arena = try SharedArena(byteCount: 65_536)
        let owner = try arena.claim()
        let text = try owner.makeString(capacity: 20)
        try text.set("from the parent")
        try owner.setRoot("text", to: text)
        // The claim is the parent's, though the child has the same memory and may write to it.
        for (release, expected) in [(false, "busy"), (true, "claimed")] {
            if release { owner.release() }
            let child = try await ChildProcess.spawn(
                .path(helperPath), arguments: ["arena-inherit"], options: .init(standardOutput: .pipe),
                transferring: [arena])
            let output = try child.standardOutput
            #expect(try await output.receive() == Array("from the parent \(expected)\n".utf8))
            #expect(try await child.exitStatus().isSuccess)
        }
    }

    @Test func aRegionThatIsNoArenaIsRefused() async throws {
        let given = try SharedMemory(byteCount: 65_536, layout: RegionLayout("other")).transfer(for: .readWrite)
        #expect(await code { _ = try SharedArena.receive(given) } == .typeMismatch)
    }

    // MARK: Death of the owner

    private func makeArena(_ name: String) throws -> SharedArena {
        // Small enough to be full now and then.
        let arena = try SharedArena(at: .named(name), .create, byteCount: 80_000)
        let owner = try arena.claim()
        let items = try owner.makeMap(of: UInt64.self, to: SharedPointer<SharedArray<UInt64>>.self, capacity: 40)
        try owner.setRoot("items", to: items)
        try owner.setRoot("counter", to: try owner.makeValue(SIMD2<UInt64>(0, 0)))
        owner.release()
        return arena
    }

    /// Everything that is linked is whole, and everything else comes back.
    private func check(_ arena: SharedArena) throws -> (lost: Int, items: Int) {
        let counter = try arena.root("counter", as: SharedValue<SIMD2<UInt64>>.self).get()
        #expect(counter.x == counter.y)
        let items = try arena.root("items", as: Items.self).entries()
        for (key, pointer) in items {
            let array = try arena.content(of: pointer)
            let elements = try array.elements()
            #expect(elements.count == array.capacity)
            #expect(elements == (0..<UInt64(elements.count)).map { key ^ $0 })
        }
        let owner = try arena.claim()
        #expect(try owner.root("items", as: Items.self).count == items.count)
        let lost = try owner.reclaimUnreachable() + owner.recoveredBlockCount
        #expect(lost <= 1, "one step of the owner loses one block at most")
        #expect(owner.statistics.blockCount == 2 + items.count)
        owner.release()
        return (lost, items.count)
    }

    private func emptyAll(_ arena: SharedArena) throws {
        let owner = try arena.claim()
        let items = try owner.root("items", as: Items.self)
        for (key, pointer) in try items.entries() {
            try items.removeValue(of: key)
            try owner.free(try owner.content(of: pointer))
        }
        // The two roots and one free block are all that is left.
        #expect(owner.statistics.blockCount == 2)
        let free = owner.statistics.freeByteCount
        #expect(owner.largestFreeByteCount + 32 == free)
    }

    @Test(arguments: [
        "arena split", "arena described", "arena reserved", "arena filled", "arena allocated", "arena freed",
        "arena joined after", "arena joined before", "arena slot written", "arena key written", "arena key removed",
        "arena element written", "arena recovered",
    ]) func anOwnerMayDieAtEachStep(_ point: String) async throws {
        try await withName { name in
            let arena = try makeArena(name)
            var found = 0
            for passage in [1, 2, 3, 5, 12, 30] {
                let environment = KillPoint(point, passage: passage).environment
                    .merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }.mapValues { Optional($0) }
                let output = try await Command(
                    .path(helperPath), arguments: ["arena-churn", name, "\(passage)", "300"],
                    options: ChildProcess.Options(environment: .inherit.updating(environment))
                ).output()
                // A claim does not find many free blocks at first.
                #expect(
                    output.status == .signaled(.kill, coreDumped: false)
                        || (point == "arena recovered" && output.status.isSuccess), "\(passage): \(output.status)")
                found += try check(arena).lost
            }
            let leaves = ["arena reserved", "arena filled", "arena allocated", "arena element written"]
            if leaves.contains(point) { #expect(found > 0) }
            try emptyAll(arena)
        }
    }

    /// `.ci/long.d/arena-storm` asks for more rounds.
    @Test func anOwnerMayDieAtAnyInstant() async throws {
        let rounds = TestingCalls.startVariable("IPC_ARENA_KILLS").flatMap { Int($0) } ?? 40
        try await withName { name in
            let arena = try makeArena(name)
            var random = SeededGenerator(seed: 3)
            var (round, lost, items) = (0, 0, 0)
            // On a loaded machine many die before they have done anything.
            while round < rounds || items == 0 {
                round += 1
                let child = try await ChildProcess.spawn(
                    .path(helperPath), arguments: ["arena-churn", name, "\(round)", "-1"],
                    options: .init(standardOutput: .pipe))
                let output = try child.standardOutput
                #expect(try await output.receive() == Array("ready\n".utf8))
                try await Task.sleep(for: .microseconds(.random(in: 0..<4000, using: &random)))
                _ = try await child.kill()
                let found = try check(arena)
                lost += found.lost
                items += found.items
            }
            try emptyAll(arena)
        }
    }
}
