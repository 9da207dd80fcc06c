import Glibc
import IPCSync

/// One key-value store for several processes, in shared memory.
///
/// Keys are spread over stripes, each with a lock of its own, so that processes that work on different keys do not meet. A
/// stripe is the bytes of a `ProcessLock`: they are changed in place by whoever has the lock, and when that one is killed in
/// the middle, the next one repairs them first. How a stripe is changed so that this is possible stands at ``StripeMemory``.
final class Store: Sendable {
    /// How large it is; chosen by who makes it, found by the others.
    struct Facts: PlainData {
        var seed: UInt64 = 0
        var stripes: UInt64 = 0
        var stripeByteCount: UInt64 = 0
    }

    /// Most of what an object of a region needs beside its bytes.
    private static let overhead = 512

    let region: SyncRegion
    let shape: StripeShape
    private let seed: UInt64
    let locks: [ProcessLock]

    /// A new store of about `byteCount` bytes, without a name: it is gone with the last process that has it.
    static func make(byteCount: Int, stripes: Int) async throws(IPCError) -> Store {
        let shape = StripeShape(byteCount: byteCount / stripes)
        let options = SyncRegionOptions(
            byteCount: (shape.byteCount + overhead) * stripes + 4096, maximumObjects: stripes + 8,
            maximumProcesses: 256)
        let region = try await SyncRegion(options: options)
        var generator = SystemRandomNumberGenerator()
        let facts = Facts(
            seed: generator.next(), stripes: UInt64(stripes), stripeByteCount: UInt64(byteCount / stripes))
        return try await Store(region, facts)
    }

    /// The store in a region that another process has made and this one has joined.
    convenience init(_ region: SyncRegion) async throws(IPCError) { try await self.init(region, nil) }

    /// - Parameter initial: what a new one is to be.
    private init(_ region: SyncRegion, _ initial: Facts?) async throws(IPCError) {
        let known =
            if let initial { try region.mutex("facts", .create, initial: initial) } else {
                try region.mutex("facts", of: Facts.self)
            }
        let facts = try await known.withLock { $0 }
        let shape = StripeShape(byteCount: Int(facts.stripeByteCount))
        var locks: [ProcessLock] = []
        for index in 0..<Int(facts.stripes) {
            locks.append(
                try region.lock("stripe \(index)", byteCount: shape.byteCount) { bytes in
                    try bytes.withStripe(shape) { stripe throws(StripeDamage) in try stripe.recover() }
                })
        }
        self.region = region
        self.shape = shape
        self.locks = locks
        seed = facts.seed
    }

    var stripeCount: Int { locks.count }

    func hash(_ key: UnsafeRawBufferPointer) -> KeyHash { KeyHash(key, seed: seed) }

    func stripe(of hash: KeyHash) -> Int { hash.stripe(of: locks.count) }

    /// Runs `body` with the stripe if its lock is free, or becomes free within about a microsecond; nil otherwise: then
    /// ``wait(for:)``.
    @inline(__always)
    func with<Result: Sendable>(_ stripe: Int, _ body: (StripeMemory) -> Result) throws(IPCError) -> Result? {
        let lock = locks[stripe]
        for _ in 0..<64 {
            guard let guarded = try lock.tryLock() else { continue }
            let result = guarded.withBytes { bytes in bytes.withStripe(shape, body) }
            try guarded.unlock()
            return result
        }
        return nil
    }

    /// The same for a task that may wait.
    func withWaiting<Result: Sendable>(
        _ stripe: Int, _ body: (StripeMemory) throws(StripeDamage) -> Result
    ) async throws(IPCError) -> Result {
        do throws(LockError<StripeDamage>) {
            return try await locks[stripe].withLock { bytes throws(StripeDamage) in
                try bytes.withStripe(shape, body)
            }
        } catch {
            switch error {
            case .lock(let error): throw error
            case .body(let damage): throw IPCError(.poisoned, "use the store: \(damage)")
            }
        }
    }

    /// Waits until the stripe's lock has been free, and what a dead owner left has been repaired.
    func wait(for stripe: Int) async throws(IPCError) { try await withWaiting(stripe) { _ in } }

    // MARK: All stripes

    /// What all stripes have together.
    struct Statistics {
        var keys = 0
        var expiring = 0
        var usedBytes = 0
        var recoveries = 0
    }

    /// Counts, one stripe after the other.
    func statistics() async throws(IPCError) -> Statistics {
        var sum = Statistics()
        for stripe in 0..<stripeCount {
            let part = try await withWaiting(stripe) { memory in
                Statistics(
                    keys: memory.header(StripeHeader.count), expiring: memory.header(StripeHeader.expiring),
                    usedBytes: memory.header(StripeHeader.usedBytes),
                    recoveries: memory.header(StripeHeader.recoveries))
            }
            sum.keys += part.keys
            sum.expiring += part.expiring
            sum.usedBytes += part.usedBytes
            sum.recoveries += part.recoveries
        }
        return sum
    }

    /// Empties it, one stripe after the other; those that are damaged beyond repair work again then.
    func removeAll() async throws(IPCError) {
        for stripe in 0..<stripeCount {
            do throws(IPCError) {
                try await withWaiting(stripe) { memory throws(StripeDamage) in try memory.removeAll() }
            } catch {
                guard error.code == .poisoned else { throw error }
                try await locks[stripe].reset()
            }
        }
    }

    /// Takes some of what has expired out of the stripes that nobody uses at the moment.
    func sweep(_ bucketCount: Int) throws(IPCError) {
        let now = StoreClock.milliseconds
        for stripe in 0..<stripeCount {
            _ = try with(stripe) { memory in memory.sweep(bucketCount, now: now) }
        }
    }
}

extension MutableRawSpan {
    /// The bytes as a stripe.
    @inline(__always)
    mutating func withStripe<Result, Failure: Error>(
        _ shape: StripeShape, _ body: (StripeMemory) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The one place where memory is reached by addresses: within this call, by who has the lock.
        try withUnsafeMutableBytes { bytes throws(Failure) in
            precondition(bytes.count >= shape.byteCount)
            return try body(StripeMemory(base: bytes.baseAddress!, shape: shape))
        }
    }
}

/// The time that expiry goes by: milliseconds since the machine started, asleep or awake. The store does not outlive that,
/// and it does not jump when somebody sets the clock. CLOCK_BOOTTIME, clock_gettime(2).
enum StoreClock {
    static var milliseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }
}
