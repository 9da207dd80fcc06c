import IPCProcess
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

/// `ipcctl list` and `ipcctl clean`, as a user starts them.
@Suite(.watched) struct ToolTests {
    private func ipcctl(_ arguments: [String]) async throws -> CommandOutput {
        let path = helperPath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return try await Command(.path(path + "/ipcctl"), arguments: arguments).output()
    }

    /// What a process that was killed left: one region to be swept, one to be kept.
    private func leave(_ names: [[String]]) async throws {
        for arguments in names {
            let child = try await ChildProcess.spawn(
                .path(helperPath), arguments: ["region-hold"] + arguments, options: .init(standardOutput: .pipe))
            let output = try child.standardOutput
            #expect(try await output.receive() == Array("ready\n".utf8))
            _ = try await child.kill()
        }
    }

    @Test func leftoversAreListedAndCleaned() async throws {
        try await withName { name in
            let held = try SharedMemory(at: .named(name), .create, byteCount: 64, layout: RegionLayout("test.tool"))
            let plain = try SharedMemory(at: .named(name + "-plain"), .create, byteCount: 64)
            defer {
                try? SharedMemory.remove(.named(name + "-plain"))
                try? SharedMemory.remove(.named(name + "-kept"))
            }
            try await leave([[name + "-left"], [name + "-kept", "keep"]])

            let listed = try await ipcctl(["list", "--prefix", name]).checked().text.split(separator: "\n")
            #expect(listed.count == 5)
            for (suffix, state) in [("", "in use"), ("-plain", "in use"), ("-left", "leftover"), ("-kept", "kept")] {
                #expect(
                    listed.contains { $0.hasPrefix("\(name)\(suffix) ") && $0.hasSuffix("  \(state)") },
                    "\(listed)")
            }
            #expect(listed.contains { $0.contains("test.tool version 1") })

            let dry = try await ipcctl(["clean", "--prefix", name, "--dry-run"]).checked().text
            #expect(dry.contains("\(name)-left ") && dry.contains("1 region, 8192 bytes would be given back"), "\(dry)")
            #expect(try SharedMemory.list().contains { $0.name == name + "-left" })

            let clean = try await ipcctl(["clean", "--prefix", name]).checked().text
            #expect(clean.contains("\(name)-left ") && clean.contains("1 region, 8192 bytes given back"), "\(clean)")
            let left = try SharedMemory.list().map(\.name).filter { $0.hasPrefix(name) }
            #expect(left.sorted() == [name, name + "-kept", name + "-plain"])
            let again = try await ipcctl(["clean", "--prefix", name]).checked().text
            #expect(again.hasSuffix("0 regions, 0 bytes given back\n"))
            #expect(held.byteCount + plain.byteCount == 128)
        }
    }

    @Test func wrongArgumentsAreRefused() async throws {
        for arguments in [["list", "--dry-run"], ["list", "--prefix"], ["clean", "x"], ["clean", "--prefix"]] {
            let output = try await ipcctl(arguments)
            #expect(output.status == .exited(64), "\(arguments)")
            #expect(output.errorText.contains("See ipcctl --help"))
        }
        let help = try await ipcctl(["--help"]).checked().text
        for word in ["ipcctl list [--prefix P]", "ipcctl clean [--prefix P] [--dry-run]", "leftover"] {
            #expect(help.contains(word))
        }
    }
}
