import IPCSharedMemory
import Synchronization

/// What goes through the buffer.
struct Item: PlainData {
    var number: UInt64
    var square: UInt64

    static let last = Item(number: 0, square: 0)
    var isLast: Bool { number == 0 }
}

/// Eight slots in a ring, and two counts: `in`, how many items were put, and `out`, how many were taken.
///
///                 out % 8             in % 8
///                    ↓                   ↓
///     ┌─────┬─────┬─────┬─────┬─────┬─────┬─────┬─────┐
///     │     │     │  17 │  18 │  19 │     │     │     │      in = 20, out = 17
///     └─────┴─────┴─────┴─────┴─────┴─────┴─────┴─────┘
///
/// Empty when `in == out`, full when `in - out == 8`. Only the producer changes `in`, only the consumer `out`; so nothing
/// is lost without a lock, and all eight slots are used, because the counts are not taken modulo 8.
///
/// What makes it right is the order: the producer fills the slot, *then* raises `in`; the consumer copies the slot, *then*
/// raises `out`. The atomic words keep that order for both processes.
final class BoundedBuffer: Sendable {
    static let slotCount: UInt64 = 8
    static let layout = RegionLayout("org.example.bounded-buffer", of: Item.self)

    // `in` and `out` are written by different processes: each has a cache line of 64 bytes to itself.
    private static let inOffset = 0
    private static let outOffset = 64
    private static let slotsOffset = 128
    static let byteCount = slotsOffset + Int(slotCount) * MemoryLayout<Item>.stride

    let region: SharedMemory
    /// Set when the other process is gone: nobody else can say so in memory alone.
    let isAbandoned = Atomic<Bool>(false)

    init(_ region: SharedMemory) { self.region = region }

    /// Adds an item; waits while the buffer is full.
    func put(_ item: Item) async throws {
        let (inCount, outCount) = try (region.atomic(at: Self.inOffset), region.atomic(at: Self.outOffset))
        let number = inCount.load()
        try await wait { number - outCount.load() < Self.slotCount }
        try region.store(item, at: offset(number))
        inCount.store(number + 1)
    }

    /// Takes the oldest item; waits while the buffer is empty.
    func take() async throws -> Item {
        let (inCount, outCount) = try (region.atomic(at: Self.inOffset), region.atomic(at: Self.outOffset))
        let number = outCount.load()
        try await wait { inCount.load() != number }
        let item = try region.load(at: offset(number), as: Item.self)
        outCount.store(number + 1)
        return item
    }

    private func offset(_ number: UInt64) -> Int {
        Self.slotsOffset + Int(number % Self.slotCount) * MemoryLayout<Item>.stride
    }

    /// Looks again and again: the busy waiting of the textbook, which gives the processor away in between, and sleeps when
    /// it takes long. `RingChannel` is this buffer with a sleep from which the other side wakes you.
    private func wait(_ isReady: () -> Bool) async throws {
        var looks = 0
        while !isReady() {
            guard !isAbandoned.load(ordering: .acquiring) else { throw Abandoned() }
            looks += 1
            if looks < 100 { await Task.yield() } else { try await Task.sleep(for: .microseconds(200)) }
        }
    }

    struct Abandoned: Error, CustomStringConvertible {
        var description: String { "the other process is gone, and took items with it" }
    }
}
