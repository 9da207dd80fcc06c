import Synchronization

/// Sinks that are not in use, so that encoding a message sets nothing up. A few: more than that many threads encode
/// at once only on large machines, where the others make their own.
enum BinarySinkPool {
    private struct Idle: @unchecked Sendable {
        // SAFETY: a sink in here is referenced by nobody else, and only under the lock.
        var sinks: [BinarySink] = []
    }

    private static let idle = Mutex(Idle())

    static func take() -> BinarySink {
        let idle = idle.withLock { $0.sinks.popLast().map(Handover.init) }
        return idle?.object ?? BinarySink(keys: BinaryKeyTable(), capacity: 0)
    }

    /// Takes `sink` back, unless a container of it was kept: that must never meet another message.
    static func give(_ sink: inout BinarySink) {
        sink.reset()
        guard isKnownUniquelyReferenced(&sink) else { return }
        let handover = Handover(object: sink)
        idle.withLock { if $0.sinks.count < 8 { $0.sinks.append(handover.object) } }
    }
}

/// Sources that are not in use. See ``BinarySinkPool``.
enum BinarySourcePool {
    private struct Idle: @unchecked Sendable {
        // SAFETY: as in `BinarySinkPool`.
        var sources: [BinarySource] = []
    }

    private static let idle = Mutex(Idle())

    static func take() -> BinarySource {
        let idle = idle.withLock { $0.sources.popLast().map(Handover.init) }
        return idle?.object ?? BinarySource()
    }

    /// Takes `source` back, unless a decoder of it was kept.
    static func give(_ source: inout BinarySource) {
        guard isKnownUniquelyReferenced(&source) else { return }
        let handover = Handover(object: source)
        idle.withLock { if $0.sources.count < 8 { $0.sources.append(handover.object) } }
    }
}

/// An object that goes from one owner to the next.
private struct Handover<Object: AnyObject>: @unchecked Sendable {
    // SAFETY: made of the only reference, and opened once.
    let object: Object
}
