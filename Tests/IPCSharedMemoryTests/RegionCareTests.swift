import IPCCore
import IPCProcess
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

/// What is made and cannot be kept is removed, what is removed is looked at before, and what is asked for is done.
@Suite(.watched) struct RegionCareTests {
    private struct Price: PlainData { var cents: UInt64 }
    private struct Weather: PlainData { var degrees: (UInt32, UInt32, UInt32) }

    private func withKey<Result>(_ body: (Int32) async throws -> Result) async throws -> Result {
        let key = Int32.random(in: 1 ... .max)
        do {
            let result = try await body(key)
            try? SharedMemory.remove(.segment(key: key))
            return result
        } catch {
            try? SharedMemory.remove(.segment(key: key))
            throw error
        }
    }

    // MARK: What a failed attempt leaves

    @Test func whateverCallFailsNothingIsLeft() async throws {
        #if DEBUG
            try await withKey { key in
                try await withName { name in _ = try await helper(["region-faults", name, "\(key)"]) }
            }
        #endif
    }

    @Test func writersOfSegmentsLeaveNone() async throws {
        try await withKey { key in
            let place = SharedMemoryPlace.segment(key: key)
            #expect(await code { _ = try Blackboard<Price>.Writer(at: place) } == .unsupported)
            #expect(await code { _ = try SharedMemory(at: place, .open) } == .notFound)
            #expect(await code { _ = try Broadcast.Writer(at: place) } == .unsupported)
            #expect(await code { _ = try SharedMemory(at: place, .open) } == .notFound)
        }
    }

    @Test func whatSomebodyElseHasOpenedStays() async throws {
        try await withName { name in
            let made = try SharedMemory(at: .named(name), .create, byteCount: 64)
            let opened = try SharedMemory(at: .named(name), .open)
            made.abandon()
            #expect(try SharedMemory(at: .named(name), .open).byteCount == 64)
            opened.abandon()
            #expect(try SharedMemory(at: .named(name), .open).byteCount == 64)
        }
    }

    // MARK: Growing

    // The thread sanitizer makes nothing of mlock(2).
    @Test(.disabled(if: isThreadSanitized)) func segmentsAreAsTheirRegionIs() async throws {
        try await withName { name in
            var options = SharedMemoryOptions(
                permissions: AccessPermissions(rawValue: 0o640), isPrefaulted: true, isKeptWhenUnused: true)
            let layout = RegionLayout("test.grow")
            let made = try SharedMemory(
                at: .named(name), .create, byteCount: 64, layout: layout, options: options)
            options = SharedMemoryOptions(isLockedInMemory: true)
            let opened = try SharedMemory(at: .named(name), .open, layout: layout, options: options)
            for (region, isLocked) in [(made, false), (opened, true)] {
                let (segment, number) = try region.addSegment(byteCount: 8192)
                let listing = try #require(
                    try SharedMemory.list().first { $0.name == "\(name).segment-\(number)" })
                #expect(listing.permissions.rawValue == 0o640)
                let flags = try flags(of: segment)
                #expect(flags.contains("sh") && flags.contains("lo") == isLocked, "\(flags)")
                // Kept as the region is, by whoever made it.
                #expect(!listing.isLeftover)
                withExtendedLifetime(segment) {}
            }
            #expect(try SharedMemory.list().first { $0.name == "\(name).segment-1" }?.isLeftover == false)
            let again = try #require(try opened.openSegment(1))
            #expect(try flags(of: again).contains("lo"))
            #expect(again.byteCount == 8192)
            #expect(try #require(try opened.openSegment(2, options: .init())).byteCount == 8192)
            let reader = try SharedMemory(
                at: .named(name), .open, layout: layout, options: SharedMemoryOptions(access: .readOnly))
            #expect(await code { _ = try reader.addSegment(byteCount: 64) } == .permissionDenied)
            #expect(try reader.openSegment(1)?.access == .readOnly)
        }
    }

    @Test(.disabled(if: isThreadSanitized)) func pagesOfSegmentsAreTreatedAsAsked() async throws {
        try await withKey { key in
            let options = SharedMemoryOptions(isPrefaulted: true, isLockedInMemory: true)
            let region = try SharedMemory(at: .segment(key: key), .create, byteCount: 1 << 16, options: options)
            #expect(try flags(of: region).contains("lo"))
            #expect(region.byteCount == 1 << 16)
        }
    }

    /// The flags of the mapping of a region, found by its address. proc_pid_smaps(5).
    private func flags(of region: SharedMemory) throws -> [Substring] {
        let text = String(decoding: try TestingCalls.contents(of: "/proc/self/smaps"), as: UTF8.self)
        let lines = text.split(separator: "\n")
        let start = String(region.memory.bytes.word32(0).place, radix: 16) + "-"
        guard let first = lines.firstIndex(where: { $0.hasPrefix(start) }),
            let flags = lines[first...].first(where: { $0.hasPrefix("VmFlags:") })
        else { return [] }
        return flags.split(separator: " ")
    }

    // MARK: Sweeping

    @Test func aLeftoverIsLookedAtAgainBeforeItGoes() async throws {
        try await withKey { key in
            let (place, layout) = (SharedMemoryPlace.segment(key: key), RegionLayout("test.leftover"))
            // Others who look at all segments of the machine at the same time have it attached for a moment.
            func unlooked(_ condition: () throws -> Bool) async throws -> Bool {
                for _ in 0..<1000 {
                    if try condition() { return true }
                    try await Task.sleep(for: .milliseconds(10))
                }
                return false
            }
            func listed() async throws -> SharedMemoryListing {
                var found: SharedMemoryListing?
                _ = try await unlooked {
                    found = try SharedMemory.list().first { $0.place == place }
                    return found?.isLeftover == true
                }
                return try #require(found)
            }
            func make() throws { _ = try SharedMemory(at: place, .create, byteCount: 64, layout: layout) }
            try make()
            let leftover = try await listed()
            #expect(leftover.isLeftover)
            // Somebody came back to it.
            do {
                let region = try SharedMemory(at: place, .open, layout: layout)
                #expect(!SharedMemory.removeLeftover(leftover))
                #expect(region.byteCount == 64)
            }
            #expect(try await listed() == leftover)
            // It was removed, and its key stands for another one.
            try SharedMemory.remove(place)
            try make()
            #expect(!SharedMemory.removeLeftover(leftover))
            let other = try await listed()
            #expect(try await unlooked { SharedMemory.removeLeftover(other) })
            #expect(await code { _ = try SharedMemory(at: place, .open) } == .notFound)
        }
    }

    /// Whoever looks has a lock for a moment, which is none of a user's.
    @Test func manyWhoLookDoNotTakeEachOtherForUsers() async throws {
        try await withName { name in
            let used = try SharedMemory(at: .named(name + "-used"), .create, byteCount: 64)
            defer { try? SharedMemory.remove(used.place) }
            for _ in 0..<20 {
                let layout = RegionLayout("test.leftover")
                _ = try SharedMemory(at: .named(name), .create, byteCount: 64, layout: layout)
                // A child that is being started has what this process had open until it is another program.
                try await eventually { try SharedMemory.list().first { $0.name == name }?.isInUse == false }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            for _ in 0..<10 {
                                let listed = try SharedMemory.list().filter { $0.name.hasPrefix(name) }
                                #expect(listed.map(\.isInUse) == [false, true])
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(try SharedMemory.sweep(namesBeginningWith: name).map(\.name) == [name])
            }
        }
    }

    @Test func whatARegionGrewByIsNoLeftoverAsLongAsTheRegionIsNone() async throws {
        try await withName { name in
            let layout = RegionLayout("test.grown")
            var region: SharedMemory? = try SharedMemory(at: .named(name), .create, byteCount: 64, layout: layout)
            for number in 1...2 { #expect(try region?.addSegment(byteCount: 64).number == number) }
            let listed = try SharedMemory.list().filter { $0.name.hasPrefix(name) }
            #expect(listed.map(\.isLeftover) == [false, false, false])
            #expect(listed.map(\.isInUse) == [true, false, false])
            #expect(try SharedMemory.sweep(namesBeginningWith: name).isEmpty)
            #expect(try region?.openSegment(2) != nil)
            region = nil
            // A child that is being started has what this process had open until it is another program.
            try await eventually { try SharedMemory.list().first { $0.name == name }?.isInUse == false }
            #expect(try SharedMemory.sweep(namesBeginningWith: name).map(\.name) == listed.map(\.name))
            // One whose region is gone is nobody's.
            let orphan = SharedMemoryPlace.named(name + ".segment-7")
            _ = try SharedMemory(at: orphan, .create, byteCount: 64, layout: layout)
            try await eventually { try SharedMemory.list().first { $0.place == orphan }?.isInUse == false }
            #expect(try SharedMemory.sweep(namesBeginningWith: name).count == 1)
        }
    }

    @Test func aRegionThatIsToBeKeptByNowIsNoLeftover() async throws {
        try await withName { name in
            let (place, layout) = (SharedMemoryPlace.named(name), RegionLayout("test.leftover"))
            _ = try SharedMemory(at: place, .create, byteCount: 64, layout: layout)
            func listed() throws -> SharedMemoryListing? { try SharedMemory.list().first { $0.name == name } }
            try await eventually { try listed()?.isInUse == false }
            let leftover = try #require(try listed())
            #expect(leftover.isLeftover)
            try SharedMemory.remove(place)
            let options = SharedMemoryOptions(isKeptWhenUnused: true)
            _ = try SharedMemory(at: place, .create, byteCount: 64, layout: layout, options: options)
            #expect(!SharedMemory.removeLeftover(leftover))
            #expect(try SharedMemory(at: place, .open, layout: layout).byteCount == 64)
        }
    }

    // MARK: Files

    @Test func aCopyOnWriteRegionCannotBeFlushed() async throws {
        try await withFolder { folder in
            let place = SharedMemoryPlace.file("\(folder)/file")
            let file = try SharedMemory(at: place, .create, byteCount: 64)
            try file.write([1])
            try await file.flush()
            let copy = try SharedMemory(at: place, .open, options: SharedMemoryOptions(access: .copyOnWrite))
            try copy.write([2])
            let error = await #expect(throws: IPCError.self) { try await copy.flush() }
            #expect(error?.code == .unsupported)
            #expect(error?.message.contains("copy-on-write") ?? false)
            #expect(try file.read(1) == [1])
            try await SharedMemory(at: place, .open, options: SharedMemoryOptions(access: .readOnly)).flush()
        }
    }

    // MARK: What errors say

    @Test func typesAreNamed() async throws {
        try await withName { name in
            let writer = try Blackboard<Price>.Writer(at: .named(name))
            let error = #expect(throws: IPCError.self) { try Blackboard<Weather>.Reader(at: .named(name)) }
            #expect(error?.code == .typeMismatch)
            #expect(error?.message.contains("expected swift-ipc.blackboard version 1 of Weather (12 bytes)") ?? false)
            #expect(error?.message.contains("found swift-ipc.blackboard version 1 of Price (8 bytes)") ?? false)
            withExtendedLifetime(writer) {}
        }
        let owner = try SharedArena(byteCount: 1 << 17).claim()
        try owner.setRoot("prices", to: try owner.makeArray(of: Price.self, capacity: 3))
        let error = #expect(throws: IPCError.self) {
            try owner.arena.root("prices", as: SharedMap<UInt64, Weather>.self)
        }
        #expect(error?.code == .typeMismatch)
        #expect(error?.message.contains("expected a map of UInt64 to Weather (keys of 8 and values of 16") ?? false)
        #expect(error?.message.contains("found an array of Price (elements of 8 bytes)") ?? false)
    }

    @Test func aReaderOfABroadcastSeesTheDeathOfItsWriter() async throws {
        let writer = try Broadcast.Writer()
        let reader = try writer.makeReader()
        #expect(reader.guarantees.detectsPeerDeath)
        #expect(!writer.guarantees.detectsPeerDeath)
        writer.close()
        #expect(await code { _ = try await reader.receive() } == .peerClosed)
    }
}
