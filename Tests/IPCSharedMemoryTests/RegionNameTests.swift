import IPCProcess
import IPCSharedMemory
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// Names, owners, layouts, and what a maker leaves that is killed. F14, F15, F22, F36.
@Suite(.watched) struct RegionNameTests {
    private let layout = RegionLayout("test.region")

    @Test func intentsSayWhatIsToHappen() async throws {
        try await withName { name in
            let place = SharedMemoryPlace.named(name)
            #expect(await code { _ = try SharedMemory(at: place, .open) } == .notFound)
            #expect(try SharedMemory(at: place, .create, byteCount: 64).wasCreated)
            #expect(await code { _ = try SharedMemory(at: place, .create, byteCount: 64) } == .alreadyExists)
            #expect(try !SharedMemory(at: place, .openOrCreate, byteCount: 64).wasCreated)
            try SharedMemory.remove(place)
            #expect(try SharedMemory(at: place, .openOrCreate, byteCount: 64).wasCreated)
            #expect(await code { _ = try SharedMemory(at: place, .openOrCreate, byteCount: 65) } == .typeMismatch)
        }
    }

    @Test func badNamesAreTypedErrors() async throws {
        for name in ["", "a/b", "/a", ".hidden", "a\0b", String(repeating: "x", count: 250)] {
            #expect(await code { _ = try SharedMemory(at: .named(name), .create, byteCount: 64) } == .invalidName)
        }
        #expect(await code { _ = try SharedMemory(at: .file("/nowhere/x"), .create, byteCount: 64) } == .notFound)
        #expect(
            await code { _ = try SharedMemory(byteCount: 64, layout: RegionLayout("")) } == .invalidName)
    }

    @Test func otherThingsOfThatNameAreRefused() async throws {
        try await withFolder { folder in
            let script = "cd \"$1\" && mkdir folder && echo text > real && ln -s real link && mkfifo fifo"
            _ = try await Command("sh", arguments: ["-c", script, "sh", folder]).output().checked()
            for intent in [CreationIntent.open, .openOrCreate] {
                for (name, expected) in [
                    ("folder", IPCError.Code.alreadyExists), ("link", .permissionDenied), ("fifo", .alreadyExists),
                ] {
                    let place = SharedMemoryPlace.file("\(folder)/\(name)")
                    #expect(await code { _ = try SharedMemory(at: place, intent, byteCount: 4) } == expected)
                }
            }
            #expect(try SharedMemory(at: .file("\(folder)/real"), .open).read(4) == Array("text".utf8))
        }
    }

    // MARK: Layout

    @Test func whatWasExpectedAndFoundIsSaid() async throws {
        struct One: PlainData { var a: UInt64 }
        struct Two: PlainData { var a: UInt32, b: UInt32 }
        try await withName { name in
            let place = SharedMemoryPlace.named(name)
            _ = try SharedMemory(
                at: place, .create, byteCount: 64, layout: RegionLayout("test.a", version: 2, of: One.self))
            let cases: [(RegionLayout, Int?, IPCError.Code, [String])] = [
                (RegionLayout("test.b", version: 2, of: One.self), nil, .typeMismatch, ["test.a", "test.b"]),
                (RegionLayout("test.a", version: 2, of: Two.self), nil, .typeMismatch, ["fingerprint"]),
                (RegionLayout("test.a", version: 3, of: One.self), nil, .wrongVersion, ["version 3", "version 2"]),
                (RegionLayout("test.a", version: 2, of: One.self), 65, .typeMismatch, ["65", "64"]),
            ]
            for (layout, size, code, words) in cases {
                let error = #expect(throws: IPCError.self) {
                    try SharedMemory(at: place, .open, byteCount: size, layout: layout)
                }
                #expect(error?.code == code)
                for word in words { #expect(error?.message.contains(word) ?? false, "\(error!)") }
            }
            _ = try SharedMemory(at: place, .open, layout: RegionLayout("test.a", version: 2, of: One.self))
        }
    }

    @Test func memoryWithoutAHeaderIsNoRegionWithALayout() async throws {
        try await withName { name in
            let plain = try SharedMemory(at: .named(name), .create, byteCount: 8192)
            let layout = layout
            #expect(await code { _ = try SharedMemory(at: .named(name), .open, layout: layout) } == .wrongMagic)
            // A header that lies about everything in turn.
            let good = try SharedMemory(byteCount: 4096, layout: layout)
            let header = good.memory.bytes.array(0, 4096)
            for offset in [8, 24, 28, 32, 36, 40, 52] {
                try plain.write(header)
                try plain.store(UInt32.max, at: offset)
                #expect(await code { _ = try SharedMemory(at: .named(name), .open, layout: layout) } != nil)
            }
            try plain.write(header)
            _ = try SharedMemory(at: .named(name), .open, layout: layout)
        }
    }

    // MARK: Death of the maker

    @Test(arguments: ["region made", "region allocated", "region filled", "region named"])
    func aMakerThatIsKilledLeavesNothingInTheWay(_ point: String) async throws {
        try await withName { name in
            let environment = KillPoint(point).environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
            let output = try await Command(
                .path(helperPath), arguments: ["region-open", name, "create", "4096"],
                options: ChildProcess.Options(environment: .inherit.updating(environment.mapValues { $0 }))
            ).output()
            #expect(output.status == .signaled(.kill, coreDumped: false))
            let region = try SharedMemory(at: .named(name), .openOrCreate, byteCount: 4096, layout: layout)
            #expect(region.wasCreated == (point != "region named"))
            try region.write([1])
        }
    }

    /// What a C program leaves that is killed between shm_open and ftruncate, or before it writes anything.
    @Test(arguments: [(0, 0), (8192, 0), (8192, 1)])
    func whatIsHalfMadeIsTakenOver(_ size: Int, _ version: UInt32) async throws {
        try await withName { name in
            let path = "/dev/shm/\(name)"
            let begun = try FileCalls.open(path, [.readWrite, .create, .exclusive])
            try FileCalls.truncate(begun.number, to: size)
            if version > 0 {
                let mapped = try MappedMemory(begun.number, byteCount: size)
                withExtendedLifetime(mapped) { mapped.bytes.store(version, at: 8) }
            }
            let layout = layout
            #expect(await code { _ = try SharedMemory(at: .named(name), .open, layout: layout) } == .wrongMagic)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        let region = try SharedMemory(
                            at: .named(name), .openOrCreate, byteCount: 4096, layout: layout)
                        try region.atomic(at: 0).wrappingAdd(1)
                    }
                }
                try await group.waitForAll()
            }
            let region = try SharedMemory(at: .named(name), .open, layout: layout)
            #expect(try region.atomic(at: 0).load() == 8)
            closeDescriptor(begun.release())
        }
    }

    @Test func manyMakersAtOnceEndUpWithTheSameRegion() async throws {
        try await withName { name in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        let region = try SharedMemory(at: .named(name), .openOrCreate, byteCount: 64)
                        try region.atomic(at: 0).wrappingAdd(1)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try SharedMemory(at: .named(name), .open).atomic(at: 0).load() == 8)
        }
    }

    @Test func leftoversOfTheDeadAreSwept() async throws {
        try await withName { name in
            let (dropped, kept) = (name + "-dropped", name + "-kept")
            let plain = try SharedMemory(at: .named(name), .create, byteCount: 64)
            var children: [ChildProcess] = []
            for arguments in [["region-hold", dropped], ["region-hold", kept, "keep"]] {
                let child = try await ChildProcess.spawn(
                    .path(helperPath), arguments: arguments, options: .init(standardOutput: .pipe))
                let output = try child.standardOutput
                #expect(try await output.receive() == Array("ready\n".utf8))
                children.append(child)
                try SharedMemory.sweep(namesBeginningWith: name)
                #expect(try SharedMemory.list().first { $0.name == arguments[1] }?.isInUse == true)
            }
            for child in children { _ = try await child.kill() }
            let listed = try SharedMemory.list()
            #expect(listed.first { $0.name == dropped }?.isLeftover == true)
            #expect(listed.first { $0.name == kept }?.isLeftover == false)
            #expect(listed.first { $0.name == name }?.isLeftover == false)
            #expect(listed.first { $0.name == dropped }?.layout == RegionLayout("test.held"))
            #expect(try SharedMemory.sweep(namesBeginningWith: name).contains { $0.name == dropped })
            let left = try SharedMemory.list().map(\.name)
            #expect(!left.contains(dropped))
            #expect(left.contains(kept) && left.contains(name))
            try SharedMemory.remove(.named(kept))
            #expect(plain.byteCount == 64)
        }
    }

    // MARK: Limits and permissions, as a user who may not do everything

    private func nobody(_ arguments: [String], limits: [String] = []) async throws -> String {
        let output = try await Command(
            "setpriv",
            arguments: ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"] + limits
                + [helperPath] + arguments
        ).output()
        #expect(output.status.isSuccess, "\(output.errorText)")
        return output.text.split(separator: "\n").first.map(String.init) ?? ""
    }

    @Test(arguments: [0o000, 0o077, 0o777] as [UInt32]) func permissionsAreAsAsked(_ umask: UInt32) async throws {
        for permissions in ["600", "660", "666"] {
            try await withName { name in
                let output = try await Command(
                    .path(helperPath), arguments: ["region-open", name, "create", "64", permissions],
                    options: ChildProcess.Options(creationMask: umask)
                ).output()
                #expect(output.text == "0\(permissions)\n")
            }
        }
    }

    @Test func othersMayNotOpenIt() async throws {
        try await withName { name in
            let region = try SharedMemory(at: .named(name), .create, byteCount: 64, layout: layout)
            #expect(try await nobody(["region-open", name, "open", "64"]) == "permissionDenied")
            #expect(region.byteCount == 64)
        }
    }

    @Test func whatBelongsToOthersIsRefused() async throws {
        try await withName { name in
            #expect(try await nobody(["region-open", name, "create", "64", "666"]) == "0666")
            let layout = layout
            #expect(await code { _ = try SharedMemory(at: .named(name), .open, layout: layout) } == .permissionDenied)
            _ = try SharedMemory(
                at: .named(name), .open, layout: layout, options: SharedMemoryOptions(owner: .user(65534)))
        }
    }

    // The thread sanitizer leaves mlock(2) out.
    @Test(.disabled(if: isThreadSanitized)) func aLimitOnLockedMemoryIsNamed() async throws {
        let said = try await nobody(
            ["region-locked", "1048576"], limits: ["prlimit", "--memlock=65536"])
        #expect(said.hasPrefix("resourceExhausted") && said.contains("RLIMIT_MEMLOCK"), "\(said)")
    }

    @Test func aFullFileSystemIsAnErrorAndNotAFault() async throws {
        let script = "mount -t tmpfs -o size=1m none /dev/shm && exec \"$1\" region-touch full 2097152"
        let output = try await Command("unshare", arguments: ["-m", "sh", "-c", script, "sh", helperPath]).output()
        #expect(output.text == "resourceExhausted\n", "\(output.status) \(output.errorText)")
    }

    /// In a process of its own: other tests make regions meanwhile.
    @Test func nothingIsLeftOpen() async {
        await #expect(processExitsWith: .success) {
            let before = DescriptorCensus.take()
            for round in 0..<500 {
                let region = try SharedMemory(byteCount: 4096, layout: RegionLayout("test.open"))
                try region.store(round)
                _ = await code { _ = try SharedMemory(at: .named("ipc-test-missing"), .open) }
            }
            let after = DescriptorCensus.take().subtracting(before)
            #expect(!after.descriptors.contains { $0.what.contains("memfd:swift-ipc") }, "\(after)")
        }
    }
}
