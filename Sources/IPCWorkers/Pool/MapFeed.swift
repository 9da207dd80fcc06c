import IPCSystem

/// One pass of a `map`: takes tasks from the input as there is room, hands them to the pool in batches, and gives their
/// outcomes out. Used by one task at a time.
final class MapFeed<Tasks: Sequence> where Tasks.Element: WorkerTask {
    typealias Work = Tasks.Element

    private let plan: MapPlan
    private let session: MapSession
    private let type: Int
    private var input: Tasks.Iterator?
    private var buffer = MessageBuffer(capacity: 4096)
    private var flow = MapFlow()
    private var isOver = false
    private var batch: [MapSession.Result] = []
    private var position = 0

    init(_ tasks: Tasks, _ plan: MapPlan) {
        self.plan = plan
        session = MapSession(isOrdered: plan.order == .asGiven, progress: plan.progress)
        type = plan.pool.number(of: Work.self)
        input = tasks.makeIterator()
    }

    deinit { stop() }

    /// Takes no more input and gives up what is on its way.
    func stop() {
        input = nil
        guard !isOver else { return }
        isOver = true
        if flow.open > 0 { plan.abandon(session) }
    }

    /// The next outcome; nil at the end.
    ///
    /// - Throws: `.cancelled`, or what encoding a task throws. The pass is over then.
    func next() async throws(IPCError) -> MapSession.Result? {
        if isOver { return nil }
        do throws(IPCError) {
            while true {
                try topUp()
                if position < batch.count {
                    defer { position += 1 }
                    flow.give()
                    return batch[position]
                }
                if flow.open == 0 {
                    isOver = true
                    return nil
                }
                batch = session.take()
                position = 0
                flow.take(batch)
                if batch.isEmpty { try await session.wait() }
            }
        } catch {
            stop()
            throw error
        }
    }

    /// Hands in tasks when a good part of the room is free, so that they travel together.
    private func topUp() throws(IPCError) {
        guard input != nil else { return }
        let limit = flow.limit(in: plan.pool)
        let room = limit - flow.open
        guard room > 0, room * 4 >= limit else { return }
        let tasks = try encode(room)
        guard !tasks.isEmpty else { return }
        let first = flow.issued
        flow.issue(tasks.count, bytes: tasks.reduce(0) { $0 + $1.bytes.count })
        plan.submit(tasks, type: type, first: first, to: session, Work.self)
    }

    private struct Piece {
        var range: Range<Int>
        var file: SealedFile?
        var descriptors: [PassedDescriptor]
        var timeLimit: UInt64?
    }

    private func encode(_ count: Int) throws(IPCError) -> [(bytes: TaskBytes, timeLimit: UInt64?)] {
        var pieces: [Piece] = []
        buffer.removeAll()
        while pieces.count < count, buffer.count < MapFlow.byteBudget, pieces.last?.file == nil {
            guard let task = input?.next() else {
                input = nil
                break
            }
            pieces.append(try encode(task))
        }
        // What went into a file is the last, and left out here.
        let end = pieces.last?.range.upperBound ?? 0
        let bytes = Self.copy(buffer, upTo: end)
        return pieces.map { piece in
            var encoded = TaskBytes(bytes, piece.range)
            encoded.file = piece.file
            encoded.descriptors = piece.descriptors
            return (encoded, piece.timeLimit)
        }
    }

    private func encode(_ task: Work) throws(IPCError) -> Piece {
        let start = buffer.count
        let descriptors = try TaskCoding.append(task, to: &buffer)
        var piece = Piece(
            range: start..<buffer.count, descriptors: descriptors, timeLimit: task.timeLimit?.nanosecondsClamped)
        if buffer.count - start >= plan.pool.sharedValueSize {
            piece.file = try Self.file(buffer, from: start, plan.pool.values)
            piece.range = start..<start
        }
        return piece
    }

    private static func copy(_ buffer: borrowing MessageBuffer, upTo end: Int) -> [UInt8] {
        [UInt8](buffer.bytes.extracting(0..<end))
    }

    private static func file(
        _ buffer: borrowing MessageBuffer, from start: Int, _ values: ValueShelf
    ) throws(IPCError) -> SealedFile {
        try values.file(buffer.bytes.extracting(start..<buffer.count))
    }
}
