import TestSupport
import Testing

/// Who may import what from outside of the package.
@Suite(.watched) struct ImportTests {
    static let cLibraries: Set<String> = ["Glibc", "Musl", "Darwin", "Android", "SwiftGlibc"]

    @Test func onlyTheSystemLayerImportsTheCLibrary() throws {
        let files = try Repository.sources.get().filter { $0.target != "IPCSystem" }
        #expect(files.count > 20)
        for file in files {
            let found = Self.cLibraries.intersection(file.imports)
            #expect(found.isEmpty, "\(file.path) imports \(found); add a wrapper to IPCSystem instead")
        }
    }

    @Test func onlyIPCJSONLinksFoundation() throws {
        for file in try Repository.sources.get() where file.target != "IPCJSON" {
            let found = file.imports.filter { $0.hasPrefix("Foundation") || $0 == "Dispatch" }
            #expect(found.isEmpty, "\(file.path) imports \(found)")
        }
    }

    /// The library's modules, the C shims, and what comes with the compiler.
    @Test func nothingElseIsImported() throws {
        let manifest = try Manifest()
        let known = Set(manifest.modules.keys).union(manifest.others.keys).union(Self.cLibraries)
            .union(["Synchronization", "Testing", "Foundation", "FoundationEssentials", "Distributed"])
        for file in try Repository.sources.get() {
            for name in file.imports { #expect(known.contains(name), "\(file.path) imports \(name)") }
        }
    }

    /// Platform conditions stay in the system layer (and in files named for a platform).
    @Test func noPlatformConditionsAboveTheSystemLayer() throws {
        for file in try Repository.sources.get() where file.target != "IPCSystem" && file.text.contains("#if ") {
            for line in file.lines where line.contains("#if os(") || line.contains("#if canImport(") {
                // Which half of Foundation there is, is no platform.
                if file.target == "IPCJSON" && line.hasPrefix("#if canImport(FoundationEssentials)") { continue }
                Issue.record("\(file.path): \(line)")
            }
        }
    }

    /// The headers that Swift sees stay free of what clashes with the Glibc module.
    @Test func headersOfTheShimsIncludeLittle() throws {
        let allowed: Set<String> = ["<stdint.h>", "<stddef.h>", "<sys/types.h>"]
        for path in try Repository.paths(below: "Sources/CIPC/include") where path.hasSuffix(".h") {
            let text = try Repository.text(of: path)
            #expect(!text.contains(/#\s*\w+[^\n]*_GNU_SOURCE/), "\(path) looks at _GNU_SOURCE")
            for match in text.matches(of: /#\s*include\s+(<[^>]+>)/) {
                #expect(allowed.contains(String(match.1)), "\(path) includes \(match.1)")
            }
        }
    }
}
