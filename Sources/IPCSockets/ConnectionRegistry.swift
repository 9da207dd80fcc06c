import IPCCore
import IPCSystem
import Synchronization

/// The connections of a listener that are open: how many there may be, and how to end them all.
final class ConnectionRegistry: Sendable {
    private struct State {
        var open: [UInt64: StreamDescriptor] = [:]
        var lastID: UInt64 = 0
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

    func enter(_ id: UInt64, _ stream: StreamDescriptor) {
        state.withLock { $0.open[id] = stream }
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
        let streams = state.withLock { Array($0.open.values) }
        for stream in streams where stream.beginUse() {
            stream.shutdown(reading: true, writing: true)
            stream.endUse()
        }
        return streams.count
    }
}
