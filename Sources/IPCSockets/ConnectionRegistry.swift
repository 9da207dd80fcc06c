import IPCCore
import IPCSystem
import Synchronization

/// The connections of a listener that are open: how many there may be, and how to end them all.
final class ConnectionRegistry: Sendable {
    /// What is known of a connection.
    private struct Entry {
        let stream: StreamDescriptor
        /// What its client has until `due` for.
        var handshake: Handshake?
    }

    /// A client that has not said anything yet.
    struct Handshake {
        let state: StreamHandshake
        let peer: PeerCredentials
        var due: Deadline
    }

    private struct State {
        var open: [UInt64: Entry] = [:]
        var lastID: UInt64 = 0
        var isWatching = false
    }

    let limit: Int
    private let state = Lock(State())
    /// Signalled when a connection is closed. One task at a time waits here: the one that accepts.
    let vacancy: WaitPoint
    /// Signalled when the last connection is closed. One task at a time waits here: the one that shuts down.
    let emptiness: WaitPoint

    init(limit: Int, engine: WaitEngine) {
        self.limit = limit
        vacancy = engine.makeWaitPoint()
        emptiness = engine.makeWaitPoint()
    }

    var count: Int { state.withLock { $0.open.count } }

    /// A number for a connection that is about to be made.
    func nextID() -> UInt64 {
        state.withLock {
            $0.lastID += 1
            return $0.lastID
        }
    }

    /// - Returns: whether the caller is to watch the clients that have not said anything yet (``look(_:)``).
    func enter(_ id: UInt64, _ stream: StreamDescriptor, _ handshake: Handshake?) -> Bool {
        state.withLock { state in
            state.open[id] = Entry(stream: stream, handshake: handshake)
            guard handshake != nil, !state.isWatching else { return false }
            state.isWatching = true
            return true
        }
    }

    /// Looks after the clients that have not said anything yet.
    ///
    /// - Parameter overdue: gets those whose time is over, and returns when to look again for one that is to have more.
    /// - Returns: when to look again; nil when there are none, and then nobody watches any more.
    func look(_ overdue: (StreamDescriptor, Handshake) -> Deadline?) -> Deadline? {
        let found = state.withLock { state in
            state.open.filter { $1.handshake?.due.hasPassed == true && $1.handshake?.state.isPending == true }
        }
        for (id, entry) in found {
            guard let handshake = entry.handshake else { continue }
            let later = overdue(entry.stream, handshake)
            state.withLock { state in
                if let later { state.open[id]?.handshake?.due = later } else { state.open[id]?.handshake = nil }
            }
        }
        return state.withLock { state in
            let next = state.open.values.lazy.compactMap(\.handshake).filter(\.state.isPending).map(\.due).min()
            if next == nil { state.isWatching = false }
            return next
        }
    }

    func leave(_ id: UInt64) {
        let (isFound, isEmpty) = state.withLock { ($0.open.removeValue(forKey: id) != nil, $0.open.isEmpty) }
        guard isFound else { return }
        vacancy.signal()
        if isEmpty { emptiness.signal() }
    }

    /// Ends all connections, as if their peers had gone.
    ///
    /// - Returns: how many there were.
    func endAll() -> Int {
        let streams = state.withLock { $0.open.values.map(\.stream) }
        for stream in streams where stream.beginUse() {
            stream.shutdown(reading: true, writing: true)
            stream.endUse()
        }
        return streams.count
    }
}
