// swift-tools-version: 6.2
import PackageDescription

/// The settings of every Swift target, in one place.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
    .strictMemorySafety(),
]

/// Each module and what it imports: nothing else, no cycle. `PackageShapeTests` compares this list with the design's.
let modules: [(name: String, imports: [String])] = [
    ("IPCSystem", ["CIPC"]),
    ("IPCCore", ["IPCSystem"]),
    ("IPCPipes", ["IPCCore"]),
    ("IPCSockets", ["IPCCore"]),
    ("IPCSignals", ["IPCCore"]),
    ("IPCProcess", ["IPCPipes", "IPCSignals"]),
    ("IPCSharedMemory", ["IPCSockets", "IPCParticipants"]),
    ("IPCWorkers", ["IPCProcess", "IPCSignals", "IPCSharedMemory", "IPCSync", "IPCSockets"]),
    ("IPCDistributed", ["IPCProcess", "IPCSockets"]),
    ("IPCParticipants", ["IPCCore"]),
    ("IPCSync", ["IPCSharedMemory", "IPCParticipants"]),
    ("IPCMessageQueue", ["IPCSync"]),
    ("IPCJSON", ["IPCCore"]),
    ("IPCTestKit", ["IPCCore", "IPCProcess"]),
    (
        "IPC",
        [
            "IPCCore", "IPCPipes", "IPCSockets", "IPCSignals", "IPCProcess", "IPCSharedMemory", "IPCSync",
            "IPCMessageQueue", "IPCWorkers", "IPCDistributed",
        ]
    ),
]

/// The modules that a user may depend on, each a product of the same name.
let publicModules = [
    "IPCCore",
    "IPCPipes",
    "IPCSockets",
    "IPCSignals",
    "IPCProcess",
    "IPCSharedMemory",
    "IPCSync",
    "IPCMessageQueue",
    "IPCWorkers",
    "IPCDistributed",
    "IPCJSON",
    "IPCTestKit",
    "IPC",
]

let executables: [(name: String, dependencies: [Target.Dependency], path: String?)] = [
    (
        "ipcbench",
        [
            "CBaselines", "IPCCore", "IPCPipes", "IPCSockets", "IPCSignals", "IPCProcess", "IPCSharedMemory", "IPCSync",
            "IPCMessageQueue", "IPCWorkers", "IPCDistributed", "IPCSystem",
        ], nil
    ),
    (
        "ipcctl",
        [
            "IPCPipes", "IPCProcess", "IPCSharedMemory", "IPCSignals", "IPCSockets", "IPCSync", "IPCMessageQueue",
            "IPCSystem", "IPCWorkers", "IPCDistributed",
        ], nil
    ),
    // Programs for tests to start; not products.
    (
        "ipc-test-helper",
        [
            "IPCProcess", "IPCSharedMemory", "IPCSignals", "IPCSockets", "IPCSync", "IPCMessageQueue", "IPCWorkers",
            "IPCParticipants", "IPCSystem",
        ],
        "Tests/Helper"
    ),
    (
        "ipc-calls-helper", ["CallsShared", "IPCDistributed", "IPCProcess", "IPCSharedMemory", "IPCSystem"],
        "Tests/CallsHelper"
    ),
    ("ipc-conformance-peer", ["ConformanceTransports", "IPCTestKit"], "Tests/ConformancePeer"),
]

let testTargets: [(name: String, dependencies: [Target.Dependency])] = [
    ("IPCSystemTests", ["IPCSystem", "TestSupport"]),
    ("IPCCoreTests", ["IPCCore", "IPCSockets", "IPCSystem", "TestSupport"]),
    ("IPCJSONTests", ["IPCJSON", "TestSupport"]),
    ("IPCPipesTests", ["IPCPipes", "IPCProcess", "IPCCore", "IPCSystem", "ipc-test-helper", "TestSupport"]),
    ("IPCSocketsTests", ["IPCSockets", "IPCProcess", "IPCCore", "IPCSystem", "ipc-test-helper", "TestSupport"]),
    (
        "IPCSharedMemoryTests",
        [
            "IPCSharedMemory", "IPCProcess", "IPCSockets", "IPCCore", "IPCSystem", "IPCTestKit", "ipc-test-helper",
            "ipcctl", "TestSupport",
        ]
    ),
    ("IPCProcessTests", ["IPCProcess", "IPCSystem", "ipc-test-helper", "TestSupport"]),
    (
        "IPCTestKitTests",
        [
            "IPCTestKit", "ConformanceTransports", "ipc-conformance-peer", "IPCCore", "IPCSockets", "IPCProcess",
            "IPCSystem", "TestSupport",
        ]
    ),
    (
        "IPCWorkersTests",
        [
            "IPCWorkers", "IPCSync", "IPCSharedMemory", "IPCPipes", "IPCSockets", "IPCSystem", "ipc-test-helper",
            "ipcctl", "TestSupport",
        ]
    ),
    (
        "IPCDistributedTests",
        [
            "IPCDistributed", "CallsShared", "IPCPipes", "IPCProcess", "IPCSockets", "IPCSharedMemory", "IPCCore",
            "IPCSystem", "ipc-calls-helper", "TestSupport",
        ]
    ),
    (
        "IPCParticipantsTests",
        ["IPCParticipants", "IPCProcess", "IPCTestKit", "IPCCore", "IPCSystem", "ipc-test-helper", "TestSupport"]
    ),
    (
        "IPCSyncTests",
        [
            "IPCSync", "IPCSharedMemory", "IPCParticipants", "IPCProcess", "IPCTestKit", "IPCCore", "IPCSystem",
            "ipc-test-helper", "ipcctl", "TestSupport",
        ]
    ),
    (
        "IPCMessageQueueTests",
        [
            "IPCMessageQueue", "IPCProcess", "IPCTestKit", "IPCCore", "IPCSystem", "ipc-test-helper", "ipcctl",
            "TestSupport",
        ]
    ),
    (
        "IPCSignalsTests",
        ["IPCSignals", "IPCProcess", "IPCTestKit", "IPCCore", "IPCSystem", "ipc-test-helper", "ipcctl", "TestSupport"]
    ),
    ("PackageShapeTests", ["TestSupport"]),
    (
        "DocumentationTests",
        ["IPCCore", "IPCPipes", "IPCProcess", "IPCSharedMemory", "IPCSockets", "IPCSystem", "TestSupport"]
    ),
]

/// The transports of the package as the conformance suite sees them, for tests and for their peer program.
let conformanceTransports = Target.target(
    name: "ConformanceTransports",
    dependencies: [
        "IPCTestKit", "IPCPipes", "IPCProcess", "IPCMessageQueue", "IPCSharedMemory", "IPCSignals", "IPCSockets",
        "IPCSystem",
    ],
    path: "Tests/ConformanceTransports")

/// The distributed actors and requests that the tests of calls and their helper program share.
let callsShared = Target.target(name: "CallsShared", dependencies: ["IPCDistributed"], path: "Tests/CallsShared")

/// What the tests of every module share.
let testSupport = Target.target(
    name: "TestSupport", dependencies: ["IPCTestKit", "IPCSystem"], path: "Tests/TestSupport")

let package = Package(
    name: "swift-ipc",
    products: publicModules.map { .library(name: $0, targets: [$0]) }
        + [.executable(name: "ipcctl", targets: ["ipcctl"])],
    targets: [.target(name: "CIPC", cSettings: [.define("_GNU_SOURCE", to: "1")])]
        + modules.map { .target(name: $0.name, dependencies: $0.imports.map { .byName(name: $0) }) }
        + [
            .target(name: "CBaselines", cSettings: [.define("_GNU_SOURCE", to: "1")]), conformanceTransports,
            testSupport, callsShared,
        ]
        + executables.map { .executableTarget(name: $0.name, dependencies: $0.dependencies, path: $0.path) }
        + testTargets.map { .testTarget(name: $0.name, dependencies: $0.dependencies) },
    cLanguageStandard: .gnu11
)

for target in package.targets where !["CIPC", "CBaselines"].contains(target.name) {
    target.swiftSettings = settings
}
