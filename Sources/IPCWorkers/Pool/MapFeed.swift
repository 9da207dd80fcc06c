import IPCSystem

/// One pass of a `map`: takes tasks from the input as there is room, hands them to the pool in batches, and gives their
/// outcomes out. Used by one task at a time.
final class MapFeed<Tasks: Sequence> where Tasks.Element: WorkerTask {
    typealias Work = Tasks.Element

    /// Bytes of arguments and results that may be between the two ends beyond the least number of tasks.
    private static var byteBudget: Int { 16 << 20 }

    private let pool: WorkerPool
    private let session: MapSession
    private let type: Int
    private var input: Tasks.Iterator?
    private var buffer = MessageBuffer(capacity: 4096)
    private var issued = 0
    private var given = 0
    private var issuedBytes = 0
    private var takenBytes = 0
    private var batch: [MapSession.Result] = []
    private var position = 0

    init(_ pool: WorkerPool, _ tasks: Tasks, isOrdered: Bool) {
        self.pool = pool
        session = MapSession(isOrdered: isOrdered)
        type = pool.number(of: Work.self)
        input = tasks.makeIterator()
    }

    deinit { stop() }

    /// Takes no more input and gives up what is on its way.
    func stop() {
        input = nil
        guard given < issued else { return }
        given = issued
        let session = session
        pool.abandon {
            if case .map(let owner, _) = $0 { owner === session } else { false }
        }
    }

    /// The next outcome; nil at the end.
    ///
    /// - Throws: `.cancelled`, or what encoding a task throws. The pass is over then.
    func next() async throws(IPCError) -> MapSession.Result? {
        do throws(IPCError) {
            while true {
                try topUp()
                if position < batch.count {
                    defer { position += 1 }
                    given += 1
                    return batch[position]
                }
                if given == issued { return nil }
                batch = session.take()
                position = 0
                for result in batch {
                    if case .value(let bytes) = result.outcome { takenBytes += bytes.count }
                }
                if batch.isEmpty { try await session.wait() }
            }
        } catch {
            stop()
            throw error
        }
    }

    /// How many tasks may be handed in and not given out.
    private var limit: Int {
        let lookAhead = pool.lookAhead
        guard issued > 0 else { return lookAhead }
        let each = max(1, issuedBytes / issued + takenBytes / max(1, given))
        return min(lookAhead, max(2 * pool.laneCount, Self.byteBudget / each))
    }

    /// Hands in tasks when a good part of the room is free, so that they travel together.
    private func topUp() throws(IPCError) {
        guard input != nil else { return }
        let limit = limit
        let room = limit - (issued - given)
        guard room > 0, room * 4 >= limit else { return }
        let ranges = try encode(room)
        guard !ranges.isEmpty else { return }
        let bytes = [UInt8](buffer.bytes)
        let first = issued
        issued += ranges.count
        issuedBytes += bytes.count
        let now = MonotonicClock.nanoseconds
        pool.step { shared, step in
            let submissions = ranges.enumerated().map { offset, range in
                Dispatcher<WorkerPool.TaskOwner>.Submission(
                    owner: .map(session, index: first + offset), type: type, bytes: TaskBytes(bytes, range),
                    attempts: max(1, Work.maximumAttempts))
            }
            shared.dispatcher.submit(submissions, at: now, into: &step)
        }
    }

    private func encode(_ count: Int) throws(IPCError) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        buffer.removeAll()
        while ranges.count < count, buffer.count < Self.byteBudget {
            guard let task = input?.next() else {
                input = nil
                break
            }
            let start = buffer.count
            try TaskCoding.append(task, to: &buffer)
            ranges.append(start..<buffer.count)
        }
        return ranges
    }
}
