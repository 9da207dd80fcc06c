// swift-tools-version: 6.2
import PackageDescription

// Programs that use the package as anyone else would: by its products alone.
let package = Package(
    name: "Examples",
    dependencies: [.package(name: "swift-ipc", path: "../..")],
    targets: [
        .executableTarget(name: "first-program", dependencies: [ipc("IPCProcess"), ipc("IPCSockets")]),
        .executableTarget(name: "word-count", dependencies: [ipc("IPCWorkers")]),
        .executableTarget(name: "pipeline", dependencies: [ipc("IPCProcess")]),
        .executableTarget(name: "echo-server", dependencies: [ipc("IPCProcess"), ipc("IPCSockets")]),
        .executableTarget(
            name: "chat", dependencies: [ipc("IPCPipes"), ipc("IPCProcess"), ipc("IPCSignals"), ipc("IPCSockets")]),
        .executableTarget(name: "producer-consumer", dependencies: [ipc("IPCProcess"), ipc("IPCSharedMemory")]),
        .executableTarget(name: "clipboard", dependencies: [ipc("IPCSharedMemory")]),
        .executableTarget(name: "race", dependencies: [ipc("IPCProcess"), ipc("IPCSync")]),
        .executableTarget(name: "config-reload", dependencies: [ipc("IPCSignals")]),
        .executableTarget(name: "print-spooler", dependencies: [ipc("IPCMessageQueue"), ipc("IPCProcess")]),
        .executableTarget(
            name: "kv-server", dependencies: [ipc("IPCSockets"), ipc("IPCSync"), ipc("IPCWorkers")],
            // The functions of a connection run where their caller runs, as the library's do: no hop for each.
            swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
        .executableTarget(name: "kv-storm", dependencies: [ipc("IPCProcess"), ipc("IPCSockets")]),
        .executableTarget(name: "store", dependencies: [ipc("IPCDistributed")]),
        .executableTarget(name: "background-worker", dependencies: [ipc("IPCDistributed"), ipc("IPCPipes")]),
        .executableTarget(name: "distributed-store", dependencies: [ipc("IPCDistributed")]),
        .executableTarget(name: "tabs", dependencies: [ipc("IPCWorkers")]),
        .testTarget(
            name: "ExamplesTests",
            dependencies: [
                "first-program", "word-count", "pipeline", "echo-server", "chat", "producer-consumer", "clipboard",
                "race", "config-reload", "print-spooler", "kv-server", "kv-storm", "store", "background-worker",
                "distributed-store", "tabs", ipc("IPCDistributed"), ipc("IPCProcess"), ipc("IPCSharedMemory"),
                ipc("IPCSignals"), ipc("IPCSockets"), ipc("IPCSync"), ipc("IPCTestKit"),
                ipc("IPCWorkers"),
            ]),
    ]
)

func ipc(_ product: String) -> Target.Dependency { .product(name: product, package: "swift-ipc") }
