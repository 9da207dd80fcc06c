import Glibc
import IPCProcess
import IPCSharedMemory

/// The lost update, and its cure.
///
///     process A            process B          the number
///     load   → 7                                   7
///                          load   → 7              7
///     store 8                                      8
///                          store 8                 8   one addition is lost
enum Race {
    static let layout = RegionLayout("org.example.race")
    private static let times = 200_000

    static func run() async throws {
        for kind in ["plain", "atomic"] {
            let region = try SharedMemory(byteCount: 64, layout: layout)
            async let first = addInChild(kind, region)
            async let second = addInChild(kind, region)
            _ = try await (first, second)
            print("\(kind): 2 times \(times) additions made \(try region.atomic(at: 0).load())")
        }
    }

    private static func addInChild(_ kind: String, _ region: SharedMemory) async throws {
        let child = try await ChildProcess.spawn(
            .current, arguments: ["add", kind, "\(times)"], transferring: [region])
        guard try await child.exitStatus().isSuccess else { throw ProducerConsumer.Usage() }
    }

    /// In the child.
    static func add(_ arguments: [String]) throws {
        let region = try InheritedEndpoints.take(0, as: SharedMemory.self)
        let word = try region.atomic(at: 0)
        for _ in 0..<(Int(arguments[2]) ?? 0) {
            if arguments[1] == "plain" {
                // Two steps: between them the other process does the same.
                try region.store(try region.load(at: 0, as: UInt64.self) + 1)
            } else {
                // One step that nobody can come between.
                word.wrappingAdd(1)
            }
        }
    }
}
