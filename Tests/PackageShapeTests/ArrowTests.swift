import TestSupport
import Testing

/// The targets and their arrows: the manifest and the files against the design.
@Suite(.watched) struct ArrowTests {
    /// The design: each module and what it may import, nothing else. Modules that do not exist yet are here as well.
    static let design: [String: Set<String>] = [
        "IPCSystem": ["CIPC"],
        "IPCCore": ["IPCSystem"],
        "IPCPipes": ["IPCCore"],
        "IPCSockets": ["IPCCore"],
        "IPCSignals": ["IPCCore"],
        "IPCProcess": ["IPCPipes", "IPCSockets", "IPCSignals"],
        "IPCParticipants": ["IPCCore"],
        "IPCSharedMemory": ["IPCSockets", "IPCParticipants"],
        "IPCSync": ["IPCSharedMemory", "IPCParticipants"],
        "IPCMessageQueue": ["IPCSync"],
        "IPCWorkers": ["IPCProcess", "IPCSignals", "IPCSharedMemory", "IPCSync"],
        "IPCDistributed": ["IPCProcess", "IPCSockets"],
        "IPCJSON": ["IPCCore"],
        "IPCTestKit": ["IPCCore", "IPCProcess"],
        "IPC": [
            "IPCCore", "IPCPipes", "IPCSockets", "IPCSignals", "IPCProcess", "IPCSharedMemory", "IPCSync",
            "IPCMessageQueue", "IPCWorkers", "IPCDistributed",
        ],
    ]

    /// Modules that only other targets of the package use.
    static let packageOnly: Set<String> = ["IPCSystem", "IPCParticipants"]

    @Test func manifestHasTheArrowsOfTheDesign() throws {
        let manifest = try Manifest()
        for (module, imports) in manifest.modules {
            _ = try #require(Self.design[module], "\(module) is not in the design")
            // An arrow past the next layer is a shorter way to what the design reaches anyway.
            #expect(Self.reachable(from: module).isSuperset(of: imports), "\(module) imports \(imports)")
            #expect(Set(imports).count == imports.count)
        }
    }

    private static func reachable(from module: String) -> Set<String> {
        design[module, default: []].reduce(into: design[module, default: []]) { $0.formUnion(reachable(from: $1)) }
    }

    @Test func thereIsNoCycle() throws {
        let manifest = try Manifest()
        for module in manifest.modules.keys {
            #expect(!manifest.reachable(from: module).contains(module), "\(module) reaches itself")
        }
    }

    @Test func publicModulesAreThoseOfTheDesign() throws {
        let manifest = try Manifest()
        #expect(Set(manifest.publicModules) == Set(manifest.modules.keys).subtracting(Self.packageOnly))
    }

    @Test func everyFolderIsATargetAndHasSources() throws {
        let manifest = try Manifest()
        let declared = Set(manifest.modules.keys).union(manifest.others.keys)
        for folder in try Repository.folders(in: "Sources") {
            #expect(declared.contains(folder), "Sources/\(folder) belongs to no target")
            let sources = try Repository.paths(below: "Sources/\(folder)").filter {
                $0.hasSuffix(".swift") || $0.hasSuffix(".c")
            }
            #expect(!sources.isEmpty, "Sources/\(folder) is empty")
        }
        let folders = Set(try Repository.folders(in: "Sources"))
        for module in manifest.modules.keys { #expect(folders.contains(module), "no Sources/\(module)") }
    }

    @Test func everyImportFollowsAnArrow() throws {
        let manifest = try Manifest()
        let ours = Set(manifest.modules.keys).union(manifest.others.keys)
        for file in try Repository.sources.get() {
            let allowed = manifest.reachable(from: file.target)
            for name in file.imports where ours.contains(name) {
                #expect(allowed.contains(name), "\(file.path) imports \(name)")
            }
        }
    }

    /// An arrow that no file uses is one too many.
    @Test func everyArrowIsUsed() throws {
        let manifest = try Manifest()
        let files = Dictionary(grouping: try Repository.sources.get(), by: \.target)
        for (module, imports) in manifest.modules {
            let used = Set(files[module, default: []].flatMap(\.imports))
            for name in imports where name != "CIPC" || module == "IPCSystem" {
                #expect(used.contains(name), "nothing in \(module) imports \(name)")
            }
        }
    }

    @Test func everyPublicModuleReexportsTheCore() throws {
        let manifest = try Manifest()
        let files = Dictionary(grouping: try Repository.sources.get(), by: \.target)
        for module in manifest.publicModules where module != "IPCCore" {
            let exports = files[module, default: []].flatMap(\.lines).filter {
                $0.hasPrefix("@_exported public import IPC")
            }
            #expect(!exports.isEmpty, "\(module) re-exports nothing")
        }
    }

    @Test func theRootManifestNamesNoPackage() throws {
        let manifest = try Manifest()
        #expect(!manifest.text.contains(".package("))
        #expect(!manifest.text.contains(".product("))
    }
}
