import Synchronization

/// A few objects that are not in use, so that work that needs one sets nothing up. One atomic exchange each way, no lock;
/// who finds none makes one, and one too many is let go.
struct IdleSlots<Object: AnyObject>: ~Copyable, Sendable {
    // SAFETY: a slot is 0 or owns one reference. `exchange` gives it to just one taker; release and acquire order what the
    // last user wrote before what the next one reads.
    private let first = Atomic<UInt>(0)
    private let second = Atomic<UInt>(0)
    private let third = Atomic<UInt>(0)
    private let fourth = Atomic<UInt>(0)

    /// An object that nobody else has; nil when none is idle.
    func take() -> Object? {
        let bits = take(from: first) ?? take(from: second) ?? take(from: third) ?? take(from: fourth)
        guard let bits, let pointer = unsafe UnsafeRawPointer(bitPattern: bits) else { return nil }
        return unsafe Unmanaged<Object>.fromOpaque(pointer).takeRetainedValue()
    }

    /// Keeps `object` for the next one, if there is room. Nobody else may hold it.
    func give(_ object: Object) {
        let retained = unsafe Unmanaged.passRetained(object)
        let bits = unsafe UInt(bitPattern: retained.toOpaque())
        if put(bits, in: first) || put(bits, in: second) || put(bits, in: third) || put(bits, in: fourth) { return }
        unsafe retained.release()
    }

    deinit {
        // Ends: each turn empties a slot, and nobody fills them any more.
        while take() != nil {}
    }

    private func take(from slot: borrowing Atomic<UInt>) -> UInt? {
        guard slot.load(ordering: .relaxed) != 0 else { return nil }
        let bits = slot.exchange(0, ordering: .acquiring)
        return bits == 0 ? nil : bits
    }

    private func put(_ bits: UInt, in slot: borrowing Atomic<UInt>) -> Bool {
        slot.load(ordering: .relaxed) == 0
            && slot.compareExchange(expected: 0, desired: bits, ordering: .releasing).exchanged
    }
}
