import Synchronization

/// What one object of this process does no more. Sequentially consistent: who closes looks for what is going on after the
/// store, and who begins something looks here after it has said so.
final class ObjectEnding: Sendable {
    private let closed = Atomic<Bool>(false)
    private let finished = Atomic<Bool>(false)

    @inline(__always)
    var isClosed: Bool { closed.load(ordering: .sequentiallyConsistent) }
    @inline(__always)
    var isFinished: Bool { finished.load(ordering: .acquiring) }

    /// Whether it was open.
    func close() -> Bool { !closed.exchange(true, ordering: .sequentiallyConsistent) }
    func finish() { finished.store(true, ordering: .sequentiallyConsistent) }
}
