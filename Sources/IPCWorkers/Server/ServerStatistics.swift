import IPCSharedMemory
import IPCSystem

/// What a ``MultiProcessServer`` and its workers have done so far. A copy of one moment.
public struct ServerStatistics: Sendable, Hashable {
    /// One worker process.
    public struct Worker: Sendable, Hashable {
        /// How a worker process stands.
        public enum Phase: UInt64, Sendable, Hashable {
            /// It was started, and does not accept yet.
            case starting = 1
            /// It accepts connections.
            case ready = 2
            /// It accepts no more, and finishes what it has.
            case leaving = 3
        }

        /// Its place in the server, from 0 on. Two processes have the same while one takes over from the other.
        public var place: Int
        /// Its process id.
        public var processID: Int32
        /// How it stands.
        public var phase: Phase
        /// Time since it was started.
        public var uptime: Duration
        /// Connections that it has accepted.
        public var connectionsAccepted: Int
        /// Connections that are open.
        public var connectionsActive: Int
        /// Requests that it has counted: ``ServerWorker/countRequest(_:)``.
        public var requests: Int
        /// How often a process of its place died and was replaced.
        public var restarts: Int
        /// Bytes of memory that it has in use; nil when it is gone, or this process may not look.
        public var residentBytes: Int?
    }

    /// The address of the server.
    public var address: String
    /// The process of the server itself.
    public var processID: Int32
    /// Whether that process lives. When it does not, this is what it left behind.
    public var isAlive: Bool
    /// Time since the server opened.
    public var uptime: Duration
    /// How many workers there are to be.
    public var targetWorkers: Int
    /// Workers that were replaced because they had died.
    public var crashRestarts: Int
    /// Rolling restarts that were begun.
    public var rollingRestarts: Int
    /// Connections accepted by all workers, also those that are gone.
    public var connectionsAccepted: Int
    /// Requests counted by all workers, also those that are gone.
    public var requests: Int
    /// The worker processes, by place.
    public var workers: [Worker]

    /// Connections that are open.
    public var connectionsActive: Int { workers.reduce(0) { $0 + $1.connectionsActive } }

    /// What the server of that name (``MultiProcessServerOptions/name``) has done, from any process that may read its region:
    /// that of the same user and root.
    ///
    /// It copies the region without taking part in it, so it works whatever the server does, and changes nothing.
    ///
    /// - Throws: `.notFound` when no server has that name, or the one that had it died; `.permissionDenied`; `.wrongVersion`
    ///   for a server of another version of the library.
    public static func read(named name: String) throws(IPCError) -> ServerStatistics {
        let place = SharedMemoryPlace.named(ServerBoardLayout.regionName(name))
        var look: RegionLook
        do throws(IPCError) {
            look = try RegionLook(at: place, of: ServerBoardLayout.region)
            for _ in 0..<50 where !isConsistent(look) { look = try RegionLook(at: place, of: ServerBoardLayout.region) }
        } catch {
            guard error.code == .notFound else { throw error }
            throw IPCError(.notFound, "read the statistics of a server: no server has that name", object: name)
        }
        let found = try withExtendedLifetime(look) { () throws(IPCError) in try ServerStatistics(look.payload) }
        guard found.isAlive else {
            throw IPCError(
                .notFound,
                "read the statistics of a server: the one of that name, process \(found.processID), died; `ipcctl clean` "
                    + "removes what it left", object: name)
        }
        return found
    }

    private static func isConsistent(_ look: RegionLook) -> Bool {
        withExtendedLifetime(look) {
            look.payload.byteCount > 8
                && look.payload.load(0, as: UInt64.self)
                    == look.payload.load(look.payload.byteCount - 8, as: UInt64.self)
        }
    }

    /// Reads a table. Whoever wrote it may have written anything: every number is checked.
    init(_ bytes: SharedBytes) throws(IPCError) {
        // Any worker may write to the region, and whoever reads adds these up: nothing here comes near an overflow.
        func bounded(_ number: UInt64) -> Int { Int(min(number, 1 << 53)) }
        func number(_ offset: Int) -> UInt64 { bytes.load(offset, as: UInt64.self) }
        func count(_ offset: Int) -> Int { bounded(number(offset)) }
        let rows = bytes.byteCount >= ServerBoardLayout.rowsOffset ? count(72) : -1
        guard (0...ServerBoardLayout.maximumRows).contains(rows),
            bytes.byteCount >= ServerBoardLayout.byteCount(rows: rows), count(80) <= ServerBoardLayout.maximumAddress
        else {
            throw IPCError(.protocolViolation, "read the statistics of a server: the region contradicts itself")
        }
        let now = MonotonicClock.nanoseconds
        func since(_ instant: UInt64) -> Duration { .nanoseconds(Int64(clamping: now > instant ? now - instant : 0)) }
        address = String(decoding: bytes.array(ServerBoardLayout.addressOffset, count(80)), as: UTF8.self)
        processID = Int32(clamping: count(8))
        isAlive = ServerStatistics.glance(processID, number(16)) != nil
        uptime = since(number(24))
        targetWorkers = count(32)
        crashRestarts = count(40)
        rollingRestarts = count(48)
        var accepted = number(56)
        var served = number(64)
        workers = []
        for index in 0..<rows {
            let row = ServerBoardLayout.row(index)
            func word(_ word: ServerRowWord) -> UInt64 { number(word.offset(in: row)) }
            accepted &+= word(.accepted)
            served &+= word(.requests)
            let processID = Int32(clamping: word(.processID))
            guard processID != 0, let phase = Worker.Phase(rawValue: word(.phase)) else { continue }
            workers.append(
                Worker(
                    place: bounded(word(.place)), processID: processID, phase: phase,
                    uptime: since(word(.startedAt)),
                    connectionsAccepted: bounded(word(.accepted)),
                    connectionsActive: bounded(UInt64(max(0, Int64(bitPattern: word(.active))))),
                    requests: bounded(word(.requests)), restarts: bounded(word(.restarts)),
                    residentBytes: ServerStatistics.glance(processID, word(.processStart))?.residentBytes))
        }
        workers.sort { ($0.place, $0.processID) < ($1.place, $1.processID) }
        connectionsAccepted = bounded(accepted)
        requests = bounded(served)
    }

    /// The process of that number that started then, if it lives.
    private static func glance(_ processID: Int32, _ start: UInt64) -> ProcessGlance? {
        guard let found = ProcessGlance.look(at: processID), found.start == start, !found.isZombie else { return nil }
        return found
    }
}
