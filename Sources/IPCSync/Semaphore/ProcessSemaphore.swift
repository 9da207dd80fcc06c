public import IPCCore
import IPCSystem

/// Permits that several processes share.
///
/// ```swift
/// let licences = try region.semaphore("licences", .leased, permits: 4)
/// try await licences.withPermit { try await work() }
/// ```
///
/// | who dies where | leased | plain |
/// |---|---|---|
/// | a holder | its permits return, and those who wait are woken | its permits are lost for good |
/// | a waiter | nothing | nothing |
/// | in the middle of taking | it has the permit or not; if so, it returns | it has it or not; if so, it is lost |
/// | in the middle of giving | the permit is there | given or not; if not, it is lost |
///
/// A *leased* semaphore knows who has how many: one word for each process says so, which is the only truth, and the number
/// in use is added up again after each death. It is limited to what it began with, and nobody gives what it does not
/// have. A process keeps its permits, and its place in the region, until it gives them or ends, even when it drops every handle:
/// then it may open the region again and give. A *plain* one is one word: faster, without limit, and anybody gives.
public final class ProcessSemaphore: SyncObject {
    /// What listings call it.
    public static var objectKinds: Set<SyncObjectKind> { [.plainSemaphore, .leasedSemaphore] }
    /// The region that it lies in.
    public let region: SyncRegion
    /// Whether it knows who has its permits.
    public enum Kind: Sendable, Hashable {
        /// Permits of a process that dies return.
        case leased
        /// Nobody's permits.
        case plain
    }

    /// Whether it knows who has its permits.
    public let kind: Kind
    private let plain: PlainSemaphore?
    private let leased: LeasedSemaphore?
    @usableFromInline let isPlain: Bool
    /// Of a plain one.
    @usableFromInline let permits: PermitCount

    static func type(_ kind: Kind, _ slotCount: Int) -> SyncObjectType {
        switch kind {
        case .plain:
            SyncObjectType(
                kind: SyncObjectKind.plainSemaphore.rawValue, name: "a plain semaphore", byteCount: 64)
        case .leased:
            SyncObjectType(
                kind: SyncObjectKind.leasedSemaphore.rawValue, name: "a leased semaphore",
                byteCount: LeasedSemaphore.byteCount(slotCount))
        }
    }

    static func check(_ kind: Kind, _ permits: Int, _ object: String) throws(IPCError) {
        guard (kind == .plain ? 0...1 << 31 : 1...1 << 31).contains(permits) else {
            throw IPCError(.invalidArgument, "make a semaphore: \(permits) permits are not possible", object: object)
        }
    }

    static func initialize(_ bytes: SharedBytes, _ kind: Kind, _ permits: Int) {
        bytes.word32(kind == .plain ? PlainSemaphore.valueOffset : LeasedSemaphore.totalOffset)
            .storeRelaxed(UInt32(permits))
    }

    init(_ bytes: SharedBytes, _ region: SyncRegion, _ kind: Kind) {
        self.region = region
        self.kind = kind
        isPlain = kind == .plain
        permits = PermitCount(bytes, region.participant)
        plain = kind == .plain ? PlainSemaphore(bytes, region) : nil
        leased = kind == .leased ? LeasedSemaphore(bytes, region) : nil
    }

    /// Permits that are free at this moment, as far as is known: those of the dead are added when somebody takes or gives.
    public var available: Int { plain?.available ?? leased?.available ?? 0 }

    /// Permits that this process has; nil for a plain semaphore, which does not know.
    public var heldHere: Int? { leased?.heldHere }

    /// Who has permits; nobody for a plain semaphore, which does not know.
    public var holders: [ProcessShare] { leased?.holders ?? [] }

    /// How many wait, about: more than there are when some of them were killed.
    public var waiterCount: Int { plain?.waiterCount ?? leased?.waiterCount ?? 0 }

    /// Takes a permit if one is free; never waits. Of a leased semaphore, also false when another one is in the middle of
    /// taking or giving at this very moment.
    ///
    /// - Throws: `.participantLost`; `.resourceExhausted` when this process has 65,535 of them.
    public func tryTake() throws(IPCError) -> Bool {
        if let plain { return try plain.tryTake() }
        return try leased?.tryTake() ?? false
    }

    /// Waits for a permit and takes it.
    ///
    /// - Throws: `.cancelled`, `.timedOut`: nothing was taken then; as ``tryTake()``; `.resourceExhausted`.
    public func take(until deadline: Deadline = .never) async throws(IPCError) {
        if let plain { return try await plain.take(until: deadline) }
        try await leased?.take(until: deadline)
    }

    /// The same on a thread that may block: never in a task. - Throws: `.timedOut`; as ``tryTake()``.
    @inlinable
    public func takeBlocking(until deadline: Deadline = .never) throws(IPCError) {
        if !isPlain || !permits.tryTake() { try takeBlockingSlowly(until: deadline) }
    }

    @usableFromInline
    @inline(never)
    func takeBlockingSlowly(until deadline: Deadline) throws(IPCError) {
        if let plain { return try plain.takeBlocking(until: deadline) }
        try leased?.takeBlocking(until: deadline)
    }

    /// Gives a permit back, whether the task was cancelled or not. It waits for a moment at most, unless a process is stopped
    /// in the middle of taking or giving.
    ///
    /// - Throws: `.invalidArgument` when this process has none of a leased semaphore, `.resourceExhausted` when a plain one
    ///   has 2^32 - 1; `.participantLost`.
    public func give() async throws(IPCError) {
        if let plain { return try plain.give() }
        try await leased?.give()
    }

    /// The same on a thread that may block: never in a task.
    @inlinable
    public func giveBlocking() throws(IPCError) {
        if !isPlain || !permits.tryGive() { try giveBlockingSlowly() }
    }

    @usableFromInline
    @inline(never)
    func giveBlockingSlowly() throws(IPCError) {
        if let plain { return try plain.give() }
        try leased?.giveBlocking()
    }

    /// Runs `body` with a permit.
    ///
    /// - Throws: ``LockError/lock(_:)`` as ``take(until:)`` and ``give()``; ``LockError/body(_:)``.
    public func withPermit<Result: Sendable, Failure: Error>(
        until deadline: Deadline = .never, _ body: () async throws(Failure) -> Result
    ) async throws(LockError<Failure>) -> Result {
        do throws(IPCError) {
            try await take(until: deadline)
        } catch {
            throw .lock(error)
        }
        let result: Result
        do throws(Failure) {
            result = try await body()
        } catch {
            try? await give()
            throw .body(error)
        }
        do throws(IPCError) {
            try await give()
        } catch {
            throw .lock(error)
        }
        return result
    }
}

extension ProcessSemaphore {
    /// Runs `body` with a permit, on a thread that may block: never in a task.
    ///
    /// - Throws: ``LockError/lock(_:)`` as ``takeBlocking(until:)`` and ``giveBlocking()``; ``LockError/body(_:)``.
    public func withPermitBlocking<Result, Failure: Error>(
        until deadline: Deadline = .never, _ body: () throws(Failure) -> Result
    ) throws(LockError<Failure>) -> Result {
        do throws(IPCError) {
            try takeBlocking(until: deadline)
        } catch {
            throw .lock(error)
        }
        let result: Result
        do throws(Failure) {
            result = try body()
        } catch {
            try? giveBlocking()
            throw .body(error)
        }
        do throws(IPCError) {
            try giveBlocking()
        } catch {
            throw .lock(error)
        }
        return result
    }
}

extension SyncRegion {
    /// A semaphore of this region; a new one has `permits`, 0 to 2^31 (leased: at least 1, and for each process at most
    /// 65,535).
    ///
    /// - Throws: `.typeMismatch` when the name stands for something else; `.notFound`, `.alreadyExists`,
    ///   `.resourceExhausted`, `.invalidName`, `.invalidArgument`.
    public func semaphore(
        _ name: String, _ kind: ProcessSemaphore.Kind, _ intent: CreationIntent = .openOrCreate, permits: Int
    ) throws(IPCError) -> ProcessSemaphore {
        try ProcessSemaphore.check(kind, permits, name)
        let type = ProcessSemaphore.type(kind, memory.slotCount)
        let bytes = try object(name, type, intent) { ProcessSemaphore.initialize($0, kind, permits) }
        return ProcessSemaphore(bytes, self, kind)
    }
}
