import IPCSystem
import Synchronization

/// How far the tasks of a pool are, while they run: given to `WorkerPool.map(_:order:priority:progress:)` and its
/// relatives, and watched by another task, or by ``withProgressBar(_:unit:to:style:_:)``.
///
/// ```swift
/// let progress = WorkerProgress(total: paths.count)
/// async let watching: Void = {
///     for await state in progress.updates { print("\(state.completed) of \(paths.count)") }
/// }()
/// let counts = try await pool.map(paths.map(CountWords.init), progress: progress).reduce(into: []) { $0.append($1) }
/// progress.finish()
/// await watching
/// ```
///
/// Tasks that say how far they are themselves (``WorkerContext/reportProgress(_:_:)``) count in parts.
public final class WorkerProgress: Sendable {
    /// How far it is.
    public struct State: Sendable, Hashable {
        /// Tasks that are done, well or not.
        public internal(set) var completed = 0
        /// Those of them that have no output.
        public internal(set) var failed = 0
        /// How many tasks there are, if that is known.
        public internal(set) var total: Int?
        /// What the tasks that run have done, each from 0 to 1, in all.
        public internal(set) var partial = 0.0
        /// What a task said last of itself.
        public internal(set) var note = ""

        /// From 0 to 1; nil when the total is not known.
        public var fraction: Double? {
            guard let total else { return nil }
            guard total > 0 else { return 1 }
            return min(1, (Double(completed) + partial) / Double(total))
        }
    }

    private struct Inside {
        var state = State()
        /// By the numbers of tasks that have said something.
        var fractions: [Int: Double] = [:]
        var changes: UInt64 = 0
        var isOver = false
        var watchers: [WaitPoint] = []

        mutating func sum() { state.partial = fractions.values.reduce(0, +) }
    }

    private let inside: Lock<Inside>

    /// Nothing is done yet. `total` is the number of tasks; nil when it is not known.
    public init(total: Int? = nil) {
        var inside = Inside()
        inside.state.total = total
        self.inside = Lock(inside)
    }

    /// How far it is now.
    public var current: State { inside.withLock { $0.state } }

    /// Ends ``updates``. A pool does not do so, since one progress may serve several maps.
    public func finish() { change { $0.isOver = true } }

    /// How far it is, again and again as it changes, until ``finish()``; the last state comes in any case. Who is slow sees
    /// only the latest. Any number may watch.
    public var updates: Updates { Updates(progress: self) }

    /// See ``WorkerProgress/updates``.
    public struct Updates: AsyncSequence, Sendable {
        /// How far it is.
        public typealias Element = State
        /// Nothing goes wrong; the sequence also ends when the task that watches is cancelled.
        public typealias Failure = Never

        fileprivate let progress: WorkerProgress

        /// One who watches.
        public struct AsyncIterator: AsyncIteratorProtocol {
            private let progress: WorkerProgress
            private let watcher: Watcher
            private var seen: UInt64?
            private var isOver = false

            fileprivate init(_ progress: WorkerProgress) {
                self.progress = progress
                watcher = Watcher(progress)
            }

            /// The latest state that was not seen; nil when it is over.
            public mutating func next() async -> State? {
                while !isOver {
                    let (state, changes, isOver) = progress.inside.withLock { ($0.state, $0.changes, $0.isOver) }
                    if changes != seen {
                        seen = changes
                        self.isOver = isOver
                        return state
                    }
                    do throws(IPCError) {
                        try await watcher.point.wait(until: .never, "wait for progress")
                    } catch {
                        self.isOver = true
                    }
                }
                return nil
            }

            /// See ``next()``.
            public mutating func next(isolation actor: isolated (any Actor)?) async -> State? { await next() }
        }

        /// Begins to watch.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(progress) }
    }

    /// Where one who watches waits. It goes with its iterator.
    private final class Watcher: Sendable {
        let point = WaitEngine.shared.makeWaitPoint()
        private let progress: WorkerProgress

        init(_ progress: WorkerProgress) {
            self.progress = progress
            progress.inside.withLock { $0.watchers.append(point) }
        }

        deinit { progress.inside.withLock { $0.watchers.removeAll { $0 === point } } }
    }

    /// How many watch.
    var watcherCount: Int { inside.withLock { $0.watchers.count } }

    // MARK: For the pool

    /// A task is done. `index` is what it is known by to ``report(_:of:)``.
    func completed(_ index: Int, isFailure: Bool) {
        change { inside in
            inside.state.completed += 1
            if isFailure { inside.state.failed += 1 }
            if inside.fractions.removeValue(forKey: index) != nil { inside.sum() }
        }
    }

    func report(_ progress: TaskProgress, of index: Int) {
        change { inside in
            inside.fractions[index] = progress.fraction
            inside.state.note = progress.note
            inside.sum()
        }
    }

    private func change(_ body: (inout Inside) -> Void) {
        let watchers = inside.withLock { inside in
            body(&inside)
            inside.changes += 1
            return inside.watchers
        }
        for watcher in watchers { watcher.signal() }
    }
}

@available(*, unavailable)
extension WorkerProgress.Updates.AsyncIterator: Sendable {}
