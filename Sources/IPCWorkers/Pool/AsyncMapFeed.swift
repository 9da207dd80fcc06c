import IPCSystem
import Synchronization

/// One pass of a `map` over an asynchronous sequence: a task of its own reads the input while there is room, whoever takes
/// the outcomes makes room. Used by one task at a time.
final class AsyncMapFeed<Tasks: AsyncSequence & Sendable> where Tasks.Element: WorkerTask {
    private let tasks: Tasks
    private let pump: MapPump<Tasks>
    private var reader: Task<Void, Never>?
    private var isOver = false
    private var batch: [MapSession.Result] = []
    private var position = 0

    init(_ tasks: Tasks, _ plan: MapPlan) {
        self.tasks = tasks
        pump = MapPump(plan)
    }

    deinit { stop() }

    /// Takes no more input and gives up what is on its way.
    func stop() {
        isOver = true
        pump.stop()
        reader?.cancel()
        if pump.openCount > 0 { pump.plan.abandon(pump.session) }
    }

    /// The next outcome; nil at the end.
    ///
    /// - Throws: `.cancelled`, what encoding a task throws, or what the input throws. The pass is over then.
    func next() async throws -> MapSession.Result? {
        if isOver { return nil }
        if reader == nil {
            reader = Task(executorPreference: IPCExecutor.shared) { [tasks, pump] in await pump.run(tasks) }
        }
        do {
            while true {
                if position < batch.count {
                    defer { position += 1 }
                    pump.give()
                    return batch[position]
                }
                // Before looking at the results: the input may end with the last of them.
                let end = pump.end
                batch = pump.take()
                position = 0
                if !batch.isEmpty { continue }
                if let end {
                    isOver = true
                    if let error = end.error { throw error }
                    return nil
                }
                try await pump.session.wait()
            }
        } catch {
            stop()
            throw error
        }
    }
}

/// The part of an ``AsyncMapFeed`` that the reader of the input shares with it.
final class MapPump<Tasks: AsyncSequence & Sendable>: Sendable where Tasks.Element: WorkerTask {
    private typealias Work = Tasks.Element

    /// The input is over, with an error or without.
    struct End: Sendable {
        var error: (any Error)?
    }

    private struct State {
        var flow = MapFlow()
        var end: End?
        var isStopped = false
    }

    let plan: MapPlan
    let session: MapSession
    private let state = Lock(State())
    /// Where the reader waits for room.
    private let room = WaitEngine.shared.makeWaitPoint()

    init(_ plan: MapPlan) {
        self.plan = plan
        session = MapSession(isOrdered: plan.order == .asGiven, progress: plan.progress)
    }

    /// Nothing is handed in any more.
    func stop() { state.withLock { $0.isStopped = true } }

    var openCount: Int { state.withLock { $0.flow.open } }

    /// The end of the input, once everything that was handed in has been given out.
    var end: End? { state.withLock { $0.flow.open == 0 ? $0.end : nil } }

    func take() -> [MapSession.Result] {
        let results = session.take()
        if !results.isEmpty { state.withLock { $0.flow.take(results) } }
        return results
    }

    func give() {
        state.withLock { $0.flow.give() }
        room.signal()
    }

    /// Reads the input to its end.
    func run(_ tasks: Tasks) async {
        var end = End()
        do {
            let type = plan.pool.number(of: Work.self)
            var input = tasks.makeAsyncIterator()
            while true {
                try await awaitRoom()
                guard let task = try await input.next(isolation: #isolation) else { break }
                let bytes = try TaskCoding.encode(task, sharedFrom: plan.pool.sharedValueSize, plan.pool.values)
                let first = state.withLock { state -> Int? in
                    guard !state.isStopped else { return nil }
                    defer { state.flow.issue(1, bytes: bytes.count) }
                    return state.flow.issued
                }
                guard let first else { break }
                plan.submit(
                    [(bytes, task.timeLimit?.nanosecondsClamped)], type: type, first: first, to: session, Work.self)
            }
        } catch {
            end.error = error
        }
        let isStopped = state.withLock { state in
            state.end = end
            return state.isStopped
        }
        // What was handed in while the others were given up.
        if isStopped { plan.abandon(session) }
        session.wake()
    }

    private func awaitRoom() async throws(IPCError) {
        while state.withLock({ $0.flow.open >= $0.flow.limit(in: plan.pool) }) {
            try await room.wait(until: .never, "wait for room")
        }
    }
}
