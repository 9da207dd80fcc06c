import IPCSharedMemory
import IPCSystem

/// Where things are in the statistics of a server. All numbers have eight bytes.
///
/// | offset | what |
/// |---|---|
/// | 0 | number of the last change by the server |
/// | 8, 16 | process id of the server, and when that process started (/proc/PID/stat, field 22) |
/// | 24 | when it opened, CLOCK_MONOTONIC nanoseconds |
/// | 32 | how many workers there are to be |
/// | 40 | workers that were replaced because they died |
/// | 48 | rolling restarts |
/// | 56, 64 | connections and requests of workers that are gone |
/// | 72 | number of rows |
/// | 80 | bytes of the address, which follows, at most 320 |
/// | 512 | rows of 128 bytes |
/// | behind the rows | number of the change that the server has begun |
///
/// A row: process id (0: free), its start, place, phase (1 starting, 2 ready, 3 leaving), when it was started, connections
/// accepted, connections open, requests, how often the place was filled again. A worker writes the counters of its own row
/// and nothing else; the server writes everything else, between the two numbers of its change. Whoever reads sees the
/// numbers differ when the server was in the middle of one, or was killed there, and then takes what there is after some
/// more looks: a figure may be off by one process then.
enum ServerBoardLayout {
    static let region = RegionLayout("swift-ipc.server", version: 1)
    static let rowsOffset = 512
    static let rowSize = 128
    static let addressOffset = 88
    static let maximumAddress = 320
    static let maximumRows = 512

    static func byteCount(rows: Int) -> Int { rowsOffset + rows * rowSize + 8 }
    static func row(_ index: Int) -> Int { rowsOffset + index * rowSize }

    /// The name of the region of a server.
    static func regionName(_ name: String) -> String { "swift-ipc.server.\(name)" }
}

/// Words of a row.
enum ServerRowWord: Int {
    case processID, processStart, place, phase, startedAt, accepted, active, requests, restarts

    func offset(in row: Int) -> Int { row + 8 * rawValue }
}

/// The statistics of a server as it writes them.
final class ServerBoard: Sendable {
    let memory: SharedMemory
    private let rowCount: Int
    private var bytes: SharedBytes { memory.payload }

    /// Makes the region; takes over the name from a server that died.
    ///
    /// - Throws: `.addressInUse` while a server of that name lives; what `SharedMemory` throws.
    init(name: String?, address: String, rowCount: Int, until deadline: Deadline) async throws(IPCError) {
        self.rowCount = rowCount
        memory = try await Self.make(name, ServerBoardLayout.byteCount(rows: rowCount), until: deadline)
        let processID = ProcessFacts.processID
        let text = Array(address.utf8.prefix(ServerBoardLayout.maximumAddress))
        let start = ProcessGlance.look(at: processID)?.start ?? 0
        change { bytes in
            bytes.word64(8).storeRelaxed(UInt64(processID))
            bytes.word64(16).storeRelaxed(start)
            bytes.word64(24).storeRelaxed(MonotonicClock.nanoseconds)
            bytes.word64(72).storeRelaxed(UInt64(rowCount))
            bytes.word64(80).storeRelaxed(UInt64(text.count))
            bytes.store(unsafe text.span.bytes, at: ServerBoardLayout.addressOffset)
        }
    }

    private static func make(
        _ name: String?, _ byteCount: Int, until deadline: Deadline
    ) async throws(IPCError) -> SharedMemory {
        guard let name else { return try SharedMemory(byteCount: byteCount, layout: ServerBoardLayout.region) }
        let region = ServerBoardLayout.regionName(name)
        var pace = RetryPace(first: .milliseconds(1), limit: .milliseconds(50))
        let point = WaitEngine.shared.makeWaitPoint()
        while true {
            do throws(IPCError) {
                return try SharedMemory(at: .named(region), byteCount: byteCount, layout: ServerBoardLayout.region)
            } catch {
                guard error.code == .alreadyExists else { throw error }
            }
            if let left = try SharedMemory.list().first(where: { $0.name == region }), SharedMemory.removeLeftover(left)
            {
                continue
            }
            guard !deadline.hasPassed else {
                throw IPCError(
                    .addressInUse, "open a server: one of that name runs; stop it or choose another name", object: name)
            }
            try await pace.pause(at: point, until: .never, "open a server")
        }
    }

    /// The file of the region, for a worker.
    func file() throws(IPCError) -> InheritedFile {
        guard let file = memory.file else { throw IPCError(.unsupported, "share the statistics: there is no file") }
        return InheritedFile(try PassedDescriptor(duplicating: file.number))
    }

    /// Bytes of the file, of which the row at `index` begins at the second number.
    func place(ofRow index: Int) -> (fileByteCount: Int, offset: Int) {
        let start = unsafe memory.payload.base - memory.memory.bytes.base
        return (memory.memory.bytes.byteCount, start + ServerBoardLayout.row(index))
    }

    /// All of it at this moment.
    func copy() -> CopiedMemory {
        let copy = CopiedMemory(byteCount: bytes.byteCount)
        let now = bytes.wordArray(0, bytes.byteCount)
        copy.bytes.store(unsafe now.span.bytes, at: 0)
        return copy
    }

    /// One change at a time: whoever calls holds the server's lock.
    private func change(_ body: (SharedBytes) -> Void) {
        let end = bytes.word64(ServerBoardLayout.byteCount(rows: rowCount) - 8)
        let number = end.loadRelaxed() &+ 1
        end.storeSequential(number)
        body(bytes)
        bytes.word64(0).storeSequential(number)
    }

    private func store(_ value: UInt64, _ word: ServerRowWord, _ row: Int) {
        bytes.word64(word.offset(in: ServerBoardLayout.row(row))).storeRelaxed(value)
    }

    private func load(_ word: ServerRowWord, _ row: Int) -> UInt64 {
        bytes.word64(word.offset(in: ServerBoardLayout.row(row))).loadRelaxed()
    }

    /// A process was started for this row.
    ///
    /// - Parameter start: when that process started, as ``ProcessGlance`` has it.
    func enter(row: Int, processID: Int32, start: UInt64, place: Int, restarts: Int) {
        change { _ in
            store(UInt64(processID), .processID, row)
            store(start, .processStart, row)
            store(UInt64(place), .place, row)
            store(1, .phase, row)
            store(MonotonicClock.nanoseconds, .startedAt, row)
            store(UInt64(restarts), .restarts, row)
        }
    }

    /// The process of this row is gone: what it has counted goes to the sums.
    func leave(row: Int) {
        change { bytes in
            bytes.word64(56).storeRelaxed(bytes.word64(56).loadRelaxed() &+ load(.accepted, row))
            bytes.word64(64).storeRelaxed(bytes.word64(64).loadRelaxed() &+ load(.requests, row))
            bytes.clear(ServerBoardLayout.row(row), ServerBoardLayout.rowSize)
        }
    }

    /// What the roster says now.
    func update(_ roster: ServerRoster, rolls: Int) {
        change { bytes in
            bytes.word64(32).storeRelaxed(UInt64(roster.target))
            bytes.word64(40).storeRelaxed(UInt64(roster.crashRestarts))
            bytes.word64(48).storeRelaxed(UInt64(rolls))
            for member in roster.members.values where member.processID != 0 {
                let phase: UInt64 =
                    switch member.phase {
                    case .starting: 1
                    case .ready: 2
                    case .leaving: 3
                    }
                store(phase, .phase, member.row)
            }
        }
    }

    /// Removes the name, which others may have from now on.
    func end() {
        guard memory.place != .anonymous else { return }
        try? SharedMemory.remove(memory.place)
    }
}
