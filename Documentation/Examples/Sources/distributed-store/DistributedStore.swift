import Distributed
import Glibc
import IPCDistributed

/// `distributed-store`: a key-value store that is a distributed actor in another process. Its methods are called as if it were
/// here; those who watch a key are actors of this process that it calls back.
@main struct DistributedStore {
    static func main() async {
        do {
            if InheritedEndpoints.count > 0 {
                try await keep()
            } else {
                try await use()
            }
        } catch {
            print("distributed-store: \(error)")
            exit(1)
        }
    }

    /// The other process: has the actor, until nobody is connected any more.
    private static func keep() async throws {
        let system = IPCActorSystem(thrownErrors: [KeyMissing.self])
        let events = system.events
        try system.checkIn(KeyStore(actorSystem: system), as: "store")
        try await system.connect(over: InheritedEndpoints.take(0, as: SocketChannel.self))
        for await event in events {
            if case .lost = event { return }
        }
    }

    private static func use() async throws {
        let system = IPCActorSystem(thrownErrors: [KeyMissing.self])
        let (ours, theirs) = try SocketChannel.makePair()
        try await withChildProcess(.current, transferring: [theirs]) { child in
            let process = try await system.connect(over: ours, until: .after(.seconds(30)))
            let store = try await system.lookUp(KeyStore.self, named: "store", at: process)

            try await store.put("planet", "Earth")
            print("planet: \(try await store.get("planet"))")
            do {
                _ = try await store.get("moon")
            } catch let error as KeyMissing {
                print("no \(error.key)")
            }

            let watcher = Watcher(actorSystem: system)
            try await store.watch("moon", watcher)
            try await store.put("moon", "Luna")
            print("the watcher heard: \(try await watcher.heard.joined(separator: ", "))")

            do {
                try await withActorDeadline(.after(.milliseconds(50))) { try await store.waitFor("sun") }
            } catch let error as ActorCallError {
                print("waiting for the sun: \(error.error.code)")
            }

            let waiting = Task { try await store.waitFor("sun") }
            let ending = Task { await system.waitUntilLost(store) }
            try child.send(.kill)
            print("the store's process is gone: \(await ending.value.map { "\($0.code)" } ?? "in order")")
            do {
                try await waiting.value
            } catch let error as ActorCallError {
                print("the call that was open: \(error.error.code == .peerClosed || !error.mayHaveBeenDone)")
            }
        }
    }
}

/// There is nothing under this key.
struct KeyMissing: Error, Codable {
    var key: String
}

/// The store.
distributed actor KeyStore {
    typealias ActorSystem = IPCActorSystem

    private var values: [String: String] = [:]
    private var watchers: [String: [Watcher]] = [:]

    distributed func put(_ key: String, _ value: String) async throws {
        values[key] = value
        // Each lives in the process that gave it; a call of it goes there.
        for watcher in watchers[key, default: []] { try await watcher.changed(key, value) }
    }

    distributed func get(_ key: String) throws -> String {
        guard let value = values[key] else { throw KeyMissing(key: key) }
        return value
    }

    distributed func watch(_ key: String, _ watcher: Watcher) {
        watchers[key, default: []].append(watcher)
    }

    /// Returns when there is something under the key. Its task is cancelled when the caller gives up.
    distributed func waitFor(_ key: String) async throws {
        while values[key] == nil { try await Task.sleep(for: .milliseconds(5)) }
    }
}

/// Hears of changes.
distributed actor Watcher {
    typealias ActorSystem = IPCActorSystem

    private var changes: [String] = []

    distributed func changed(_ key: String, _ value: String) { changes.append("\(key) is \(value)") }
    distributed var heard: [String] { changes }
}
