/// Sinks that are not in use, so that encoding a message sets nothing up.
enum BinarySinkPool {
    private static let idle = IdleSlots<BinarySink>()

    static func take() -> BinarySink {
        idle.take() ?? BinarySink(keys: BinaryKeyTable(), capacity: 0)
    }

    /// Takes `sink` back, unless a container of it was kept: that must never meet another message.
    static func give(_ sink: inout BinarySink) {
        sink.reset()
        if isKnownUniquelyReferenced(&sink) { idle.give(sink) }
    }
}

/// Sources that are not in use. See ``BinarySinkPool``.
enum BinarySourcePool {
    private static let idle = IdleSlots<BinarySource>()

    static func take() -> BinarySource {
        idle.take() ?? BinarySource()
    }

    /// Takes `source` back, unless a decoder of it was kept.
    static func give(_ source: inout BinarySource) {
        if isKnownUniquelyReferenced(&source) { idle.give(source) }
    }
}
