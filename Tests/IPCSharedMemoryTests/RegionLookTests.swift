import IPCCore
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

/// A look at a region that others may change or cut meanwhile. `LockToolTests` has a storm of cuts.
@Suite(.watched) struct RegionLookTests {
    private let layout = RegionLayout("test.look", version: 3)

    @Test func itSeesWhatWasThere() async throws {
        try await withName { name in
            let region = try SharedMemory(at: .named(name), .create, byteCount: 100_000, layout: layout)
            try region.write([1, 2, 3], at: 99_997)
            let look = try RegionLook(at: .named(name), of: layout)
            try region.write([4], at: 99_997)
            #expect(look.payload.byteCount == 100_000)
            #expect(look.payload.array(99_996, 4) == [0, 1, 2, 3])
            #expect(look.memory.bytes.array(0, 8) == Array("IPCSHM01".utf8))
            #expect(look.layout.version == 3)
        }
    }

    @Test(arguments: [0, 100, 4095, 4096, 50_000, 104_095])
    func aRegionThatWasCutIsAnError(_ size: Int) async throws {
        try await withName { name in
            let region = try SharedMemory(at: .named(name), .create, byteCount: 100_000, layout: layout)
            try FileCalls.truncate(try #require(region.file).number, to: size)
            do throws(IPCError) {
                _ = try RegionLook(at: .named(name), of: layout)
                Issue.record("cut to \(size) bytes, and nobody noticed")
            } catch {
                #expect(error.code == (size < 4096 ? .wrongMagic : .truncated))
                #expect(error.description.contains("\(size)"))
                #expect(size < 4096 || error.description.contains("104096"))
            }
        }
    }

    @Test func whatIsAnotherOrForgedIsAnError() async throws {
        try await withName { name in
            let region = try SharedMemory(at: .named(name), .create, byteCount: 4096, layout: layout)
            let place = SharedMemoryPlace.named(name)
            #expect(await code { _ = try RegionLook(at: place, of: RegionLayout("test.other")) } == .typeMismatch)
            let older = RegionLayout("test.look", version: 2)
            #expect(await code { _ = try RegionLook(at: place, of: older) } == .wrongVersion)
            // A size that a file without its bytes claims takes no memory.
            let header = try #require(region.header)
            header.store(UInt64(1) << 40, at: 24)
            #expect(await code { _ = try RegionLook(at: place, of: layout) } == .truncated)
            try FileCalls.truncate(try #require(region.file).number, to: 1 << 41)
            #expect(await code { _ = try RegionLook(at: place, of: layout) } == .resourceExhausted)
            header.store(UInt64.max, at: 24)
            #expect(await code { _ = try RegionLook(at: place, of: layout) } == .protocolViolation)
        }
    }
}
