public import IPCCore
import IPCSystem

/// A POSIX semaphore, the same that programs in C use through sem_open(3) and sem_init(3): a count that ``wait(until:)``
/// takes one off and ``post()`` adds one to.
///
/// ```swift
/// let slots = try POSIXSemaphore(named: "app-slots", .openOrCreate, initialValue: 4)
/// try await slots.wait(until: .after(.seconds(1)))
/// defer { try? slots.post() }
/// ```
///
/// - **With other programs.** It lies where glibc has it (`/dev/shm/sem.NAME`, or 32 bytes of a shared region) in glibc's
///   layout for 64-bit systems, and follows glibc's protocol: their `sem_post` wakes tasks here, and ``post()`` wakes
///   their `sem_wait`. Programs with another C library (musl) or of 32 bits have another layout: not with those.
/// - **Death.** A permit of a process that is killed is gone: nobody posts it, and nothing in the memory says who had it.
///   Where that matters, take ``ProcessSemaphore`` with leases, or ``SystemVSemaphoreSet`` with undo. A waiter that is
///   killed leaves the number of waiters one too high, which costs a system call for each post, and nothing else.
///   Who is killed between the count and the wake-up of a post costs those who wait here half a second, and those who wait
///   in C until the next post.
/// - **Cancellation.** A wait that throws has taken nothing.
/// - **Memory.** Whoever may write the file can cut it short, and then an access is SIGBUS, as it is for C: give it to those
///   alone whom you trust.
public final class POSIXSemaphore: Sendable {
    /// What SEM_VALUE_MAX is: a post beyond it throws.
    public static let maximumValue = Int(Int32.max)
    /// Bytes of a semaphore in memory: sizeof(sem_t). It lies at a multiple of 8.
    public static let byteCount = 32

    /// glibc's words: the value in the low half of the first, the number of waiters in the high half; then what kind it is.
    enum Layout {
        static let data = 0
        static let kind = 8
        /// A semaphore that processes share. 0: one of a single process.
        static let sharedKind: UInt32 = 0x80
        static let oneWaiter: UInt64 = 1 << 32
    }

    /// Its name, or nil for one in a region.
    public let name: String?

    /// Keeps the words mapped.
    let region: SharedMemory
    let data: SharedWord64
    /// The low half of `data`: the futex.
    let valueWord: SharedWord32
    let spinning = SpinRecord()

    /// Opens or makes a semaphore by name. sem_open(3).
    ///
    /// It has its value before it has its name, so nobody opens half of one, whenever its maker is killed.
    ///
    /// - Parameters:
    ///   - name: 1 to 250 bytes without a slash; the slash that C programs begin it with is left out or not.
    ///   - intent: whether to make it.
    ///   - initialValue: of one that is made here.
    ///   - permissions: of one that is made here, exactly so, whatever the umask. Whoever waits or posts must be allowed to
    ///     read and write.
    ///   - owner: whose semaphore is used when there is one.
    /// - Throws: `.alreadyExists`, `.notFound`, `.invalidName`, `.invalidArgument` (a value out of range);
    ///   `.permissionDenied` (a foreign owner, the system); `.typeMismatch` when what has the name is no semaphore;
    ///   `.resourceExhausted` when /dev/shm is full.
    public convenience init(
        named name: String, _ intent: CreationIntent = .openOrCreate, initialValue: Int = 0,
        permissions: AccessPermissions = .ownerOnly, owner: TrustedOwner = .thisUserOrRoot
    ) throws(IPCError) {
        try Self.check(initialValue)
        var options = SharedMemoryOptions(permissions: permissions, owner: owner)
        options.fillsPlainBytes = true
        let region = try SharedMemory(
            at: .file(try Self.path(of: name)), intent, byteCount: Self.byteCount, layout: nil, options: options
        ) { Self.write(initialValue, to: $0) }
        try self.init(region, offset: 0, name: name)
    }

    /// Makes a semaphore in memory that is shared, at `offset`, a multiple of 8. sem_init(3) with `pshared`.
    ///
    /// Nobody may use what was there before. The others use ``init(attachedTo:at:)`` or the address in C.
    ///
    /// - Throws: `.invalidArgument` for a value or a place that cannot be; `.permissionDenied` for a region that is not
    ///   writable.
    public convenience init(in region: SharedMemory, at offset: Int, initialValue: Int) throws(IPCError) {
        try Self.check(initialValue)
        try Self.check(region, offset)
        Self.write(initialValue, to: region.payload.slice(offset, Self.byteCount))
        try self.init(region, offset: offset, name: nil)
    }

    /// Uses a semaphore that somebody has made in shared memory.
    ///
    /// - Throws: `.typeMismatch` when there is none, or one of a single process; else as ``init(in:at:initialValue:)``.
    public convenience init(attachedTo region: SharedMemory, at offset: Int) throws(IPCError) {
        try Self.check(region, offset)
        try self.init(region, offset: offset, name: nil)
    }

    private init(_ region: SharedMemory, offset: Int, name: String?) throws(IPCError) {
        self.region = region
        self.name = name
        data = region.payload.word64(offset + Layout.data)
        valueWord = region.payload.word32(offset + Layout.data)
        guard region.payload.word32(offset + Layout.kind).loadAcquiring() == Layout.sharedKind else {
            throw IPCError(
                .typeMismatch, "use a semaphore: there is none that processes share (glibc, 64 bits)", object: name)
        }
    }

    private static func write(_ value: Int, to bytes: SharedBytes) {
        bytes.clear(0, byteCount)
        bytes.word32(Layout.kind).storeRelaxed(Layout.sharedKind)
        bytes.word64(Layout.data).storeReleasing(UInt64(value))
    }

    private static func check(_ value: Int) throws(IPCError) {
        guard (0...maximumValue).contains(value) else {
            throw IPCError(.invalidArgument, "make a semaphore: a value of 0 to \(maximumValue) is needed")
        }
    }

    private static func check(_ region: SharedMemory, _ offset: Int) throws(IPCError) {
        guard offset >= 0, offset % 8 == 0, region.payload.contains(offset, byteCount) else {
            throw IPCError(
                .invalidArgument, "use a semaphore: \(byteCount) bytes at a multiple of 8 within the region are needed")
        }
        guard region.access == .readWrite else {
            throw IPCError(.permissionDenied, "use a semaphore: the region is not shared for writing")
        }
    }

    /// How many permits there are at this moment. sem_getvalue(3).
    public var value: Int { Int(UInt32(truncatingIfNeeded: data.loadRelaxed())) }

    /// How many wait, at most: those who were killed while they waited are counted, too.
    public var waiterCount: Int { Int(data.loadRelaxed() >> 32) }
}
