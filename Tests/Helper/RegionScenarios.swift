import Glibc
import IPCProcess
import IPCSharedMemory
import IPCSockets

/// What other processes do in the tests of regions.
let regionScenarios: [String: Scenario] = [
    "region-open": regionOpen, "region-count": regionCount, "region-inherit": regionInherit,
    "region-hold": regionHold, "region-locked": regionLocked, "region-touch": regionTouch,
]

private let intents = ["create": CreationIntent.create, "open": .open, "openOrCreate": .openOrCreate]

/// NAME create|open|openOrCreate BYTES [PERMISSIONS]: says the code of the error, or the permissions that came of it.
private func regionOpen(_ arguments: [String]) async throws -> Int32 {
    let permissions = arguments.count > 3 ? AccessPermissions(rawValue: UInt32(arguments[3], radix: 8)!) : .ownerOnly
    do throws(IPCError) {
        let region = try SharedMemory(
            at: .named(arguments[0]), intents[arguments[1]]!, byteCount: Int(arguments[2]),
            layout: RegionLayout("test.region"), options: SharedMemoryOptions(permissions: permissions))
        say("\(try SharedMemory.list().first { $0.place == region.place }!.permissions)")
    } catch {
        say("\(error.code)")
    }
    return 0
}

/// NAME TIMES: adds 1 to the first word so many times.
private func regionCount(_ arguments: [String]) async throws -> Int32 {
    let region = try SharedMemory(at: .named(arguments[0]), .open)
    let word = try region.atomic(at: 0)
    for _ in 0..<Int(arguments[1])! { word.wrappingAdd(1) }
    return 0
}

/// Adds 1 to the first word of the region that it was given.
private func regionInherit(_ arguments: [String]) async throws -> Int32 {
    let region = try InheritedEndpoints.take(0, as: SharedMemory.self)
    if region.access == .readWrite {
        try region.atomic(at: 0).wrappingAdd(1)
    } else {
        say("read \(try region.atomicValue())")
    }
    return 0
}

extension SharedMemory {
    fileprivate func atomicValue() throws -> UInt64 { try load(at: 0) }
}

/// NAME: makes a region with a layout and waits to be killed.
private func regionHold(_ arguments: [String]) async throws -> Int32 {
    let region = try SharedMemory(
        at: .named(arguments[0]), .create, byteCount: 4096, layout: RegionLayout("test.held"),
        options: SharedMemoryOptions(isKeptWhenUnused: arguments.count > 1))
    say("ready")
    try await Task.sleep(for: .seconds(60))
    return region.byteCount == 4096 ? 0 : 1
}

/// BYTES: says the error of locking so much in memory.
private func regionLocked(_ arguments: [String]) async throws -> Int32 {
    do throws(IPCError) {
        _ = try SharedMemory(
            byteCount: Int(arguments[0]), options: SharedMemoryOptions(isLockedInMemory: true))
        say("locked")
    } catch {
        say("\(error.code): \(error.message)")
    }
    return 0
}

/// NAME BYTES: makes a region and writes to each page; says the error. In a file system that is too small this must not
/// be SIGBUS.
private func regionTouch(_ arguments: [String]) async throws -> Int32 {
    let size = Int(arguments[1])!
    do throws(IPCError) {
        let region = try SharedMemory(at: .named(arguments[0]), .create, byteCount: size)
        for offset in stride(from: 0, to: size, by: 4096) { try region.store(UInt8(1), at: offset) }
        say("written")
    } catch {
        say("\(error.code)")
    }
    return 0
}
