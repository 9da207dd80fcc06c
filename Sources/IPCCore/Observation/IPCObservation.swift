import IPCSystem
public import Synchronization

/// Receives what happens in this library, for metrics and logs. Installed with ``IPCObservation/install(_:)``.
///
/// ```swift
/// struct PrintErrors: IPCObserver {
///     func observe(_ event: IPCEvent) {
///         if case .protocolViolation(_, _, let error) = event { print(error) }
///     }
/// }
/// IPCObservation.install(PrintErrors())
/// ```
public protocol IPCObserver: Sendable {
    /// Called for each event, on the thread where it happened and at the same time from several of them; never while
    /// the library holds a lock. It is in the way of the messages: count, or hand over, and return. It must not block.
    func observe(_ event: IPCEvent)
}

/// The one place where the events of this process go.
///
/// As long as no observer is installed, an event costs one relaxed load: it is not even built.
public enum IPCObservation {
    @usableFromInline static let isObserved = Atomic<Bool>(false)
    private static let observer = Lock<(any IPCObserver)?>(nil)

    /// Makes `newObserver` the observer of this process, in place of the one before; nil for none.
    ///
    /// Events that other threads are delivering at this moment may still reach the old one.
    ///
    /// - Returns: the observer before.
    @discardableResult
    public static func install(_ newObserver: (any IPCObserver)?) -> (any IPCObserver)? {
        observer.withLock { observer in
            let old = observer
            observer = newObserver
            isObserved.store(newObserver != nil, ordering: .relaxed)
            return old
        }
    }

    /// Tells the observer, if there is one: `IPCObservation.emit(.childSpawned(processID: id, executable: path))`.
    ///
    /// Not to be called under a lock. For transports, services, and whoever writes one.
    @inlinable
    public static func emit(_ event: @autoclosure () -> IPCEvent) {
        if isObserved.load(ordering: .relaxed) { deliver(event()) }
    }

    @usableFromInline
    @inline(never)
    static func deliver(_ event: IPCEvent) {
        // Copied out: the observer runs without our lock, and may install another one.
        let current = observer.withLock { $0 }
        current?.observe(event)
    }
}
