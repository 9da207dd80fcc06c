public import IPCCore
public import IPCSharedMemory

// The objects but for mutex and lock, each with a region of its own: anonymous, or with a name for itself. A condition has
// none, because it lies where its lock does.

extension ProcessSemaphore {
    /// A semaphore in a region of its own; a new one has `permits`, as ``SyncRegion/semaphore(_:_:_:permits:)`` takes them.
    ///
    /// - Throws: as ``SyncRegion`` does; `.typeMismatch` when the region has another object; `.invalidArgument`.
    public convenience init(
        at place: SharedMemoryPlace = .anonymous, _ kind: Kind, _ intent: CreationIntent = .create, permits: Int,
        maximumProcesses: Int = 64, memory: SharedMemoryOptions = SharedMemoryOptions(),
        until deadline: Deadline = .never
    ) async throws(IPCError) {
        try Self.check(kind, permits, place.name)
        let found = try await OwnRegion(place, intent, maximumProcesses, memory).open(
            until: deadline, { Self.type(kind, $0) }, { Self.initialize($0, kind, permits) })
        self.init(found.bytes, found.region, kind)
    }

    /// The same on a thread that may block.
    public convenience init(
        blockingAt place: SharedMemoryPlace, _ kind: Kind, _ intent: CreationIntent = .create, permits: Int,
        maximumProcesses: Int = 64, memory: SharedMemoryOptions = SharedMemoryOptions(),
        until deadline: Deadline = .never
    ) throws(IPCError) {
        try Self.check(kind, permits, place.name)
        let found = try OwnRegion(place, intent, maximumProcesses, memory).openBlocking(
            until: deadline, { Self.type(kind, $0) }, { Self.initialize($0, kind, permits) })
        self.init(found.bytes, found.region, kind)
    }
}

extension ProcessReadWriteLock {
    /// A read-write lock in a region of its own, with the `recovery` that repairs what a writer that died has left.
    ///
    /// - Throws: as ``SyncRegion`` does; `.typeMismatch` when the region has another object.
    public convenience init(
        at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .create, maximumProcesses: Int = 64,
        memory: SharedMemoryOptions = SharedMemoryOptions(), until deadline: Deadline = .never,
        recovery: Recovery? = nil
    ) async throws(IPCError) {
        let found = try await OwnRegion(place, intent, maximumProcesses, memory).open(
            until: deadline, { Self.type($0) }, { _ in })
        self.init(found.bytes, found.region, recovery)
    }

    /// The same on a thread that may block.
    public convenience init(
        blockingAt place: SharedMemoryPlace, _ intent: CreationIntent = .create, maximumProcesses: Int = 64,
        memory: SharedMemoryOptions = SharedMemoryOptions(), until deadline: Deadline = .never,
        recovery: Recovery? = nil
    ) throws(IPCError) {
        let found = try OwnRegion(place, intent, maximumProcesses, memory).openBlocking(
            until: deadline, { Self.type($0) }, { _ in })
        self.init(found.bytes, found.region, recovery)
    }
}

extension ProcessBarrier {
    /// A barrier in a region of its own, of `parties` that make a round, 1 to 65,535.
    ///
    /// - Throws: as ``SyncRegion`` does; `.typeMismatch` when the region has another object, or a barrier of another number
    ///   of parties; `.invalidArgument`.
    public convenience init(
        at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .create, parties: Int,
        maximumProcesses: Int = 64, memory: SharedMemoryOptions = SharedMemoryOptions(),
        until deadline: Deadline = .never
    ) async throws(IPCError) {
        try Self.check(parties, place.name)
        let found = try await OwnRegion(place, intent, maximumProcesses, memory).open(
            until: deadline, { Self.type($0) }, { Self.initialize($0, parties) })
        try self.init(found.bytes, found.region, parties)
    }

    /// The same on a thread that may block.
    public convenience init(
        blockingAt place: SharedMemoryPlace, _ intent: CreationIntent = .create, parties: Int,
        maximumProcesses: Int = 64, memory: SharedMemoryOptions = SharedMemoryOptions(),
        until deadline: Deadline = .never
    ) throws(IPCError) {
        try Self.check(parties, place.name)
        let found = try OwnRegion(place, intent, maximumProcesses, memory).openBlocking(
            until: deadline, { Self.type($0) }, { Self.initialize($0, parties) })
        try self.init(found.bytes, found.region, parties)
    }
}

extension ProcessEvent {
    /// An event in a region of its own; a new one is not set.
    ///
    /// - Throws: as ``SyncRegion`` does; `.typeMismatch` when the region has another object, or an event that resets
    ///   otherwise.
    public convenience init(
        at place: SharedMemoryPlace = .anonymous, _ reset: Reset, _ intent: CreationIntent = .create,
        maximumProcesses: Int = 64, memory: SharedMemoryOptions = SharedMemoryOptions(),
        until deadline: Deadline = .never
    ) async throws(IPCError) {
        let found = try await OwnRegion(place, intent, maximumProcesses, memory).open(
            until: deadline, { _ in Self.type(reset) }, { _ in })
        self.init(found.bytes, found.region, reset)
    }

    /// The same on a thread that may block.
    public convenience init(
        blockingAt place: SharedMemoryPlace, _ reset: Reset, _ intent: CreationIntent = .create,
        maximumProcesses: Int = 64, memory: SharedMemoryOptions = SharedMemoryOptions(),
        until deadline: Deadline = .never
    ) throws(IPCError) {
        let found = try OwnRegion(place, intent, maximumProcesses, memory).openBlocking(
            until: deadline, { _ in Self.type(reset) }, { _ in })
        self.init(found.bytes, found.region, reset)
    }
}

extension ProcessLatch {
    /// A latch in a region of its own; a new one has `count`, 0 to 2^31.
    ///
    /// - Throws: as ``SyncRegion`` does; `.typeMismatch` when the region has another object; `.invalidArgument`.
    public convenience init(
        at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .create, count: Int,
        maximumProcesses: Int = 64, memory: SharedMemoryOptions = SharedMemoryOptions(),
        until deadline: Deadline = .never
    ) async throws(IPCError) {
        try Self.check(count, place.name)
        let found = try await OwnRegion(place, intent, maximumProcesses, memory).open(
            until: deadline, { _ in Self.type }, { Self.initialize($0, count) })
        self.init(found.bytes, found.region)
    }

    /// The same on a thread that may block.
    public convenience init(
        blockingAt place: SharedMemoryPlace, _ intent: CreationIntent = .create, count: Int,
        maximumProcesses: Int = 64, memory: SharedMemoryOptions = SharedMemoryOptions(),
        until deadline: Deadline = .never
    ) throws(IPCError) {
        try Self.check(count, place.name)
        let found = try OwnRegion(place, intent, maximumProcesses, memory).openBlocking(
            until: deadline, { _ in Self.type }, { Self.initialize($0, count) })
        self.init(found.bytes, found.region)
    }
}

extension ProcessOnce {
    /// Something to be done once, in a region of its own.
    ///
    /// - Throws: as ``SyncRegion`` does; `.typeMismatch` when the region has another object.
    public convenience init(
        at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .create, maximumProcesses: Int = 64,
        memory: SharedMemoryOptions = SharedMemoryOptions(), until deadline: Deadline = .never
    ) async throws(IPCError) {
        let found = try await OwnRegion(place, intent, maximumProcesses, memory).open(
            until: deadline, { _ in Self.type }, { _ in })
        self.init(found.bytes, found.region)
    }

    /// The same on a thread that may block.
    public convenience init(
        blockingAt place: SharedMemoryPlace, _ intent: CreationIntent = .create, maximumProcesses: Int = 64,
        memory: SharedMemoryOptions = SharedMemoryOptions(), until deadline: Deadline = .never
    ) throws(IPCError) {
        let found = try OwnRegion(place, intent, maximumProcesses, memory).openBlocking(
            until: deadline, { _ in Self.type }, { _ in })
        self.init(found.bytes, found.region)
    }
}

extension LeaderElection {
    /// An election in a region of its own.
    ///
    /// - Throws: as ``SyncRegion`` does; `.typeMismatch` when the region has another object.
    public convenience init(
        at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .create, maximumProcesses: Int = 64,
        memory: SharedMemoryOptions = SharedMemoryOptions(), until deadline: Deadline = .never
    ) async throws(IPCError) {
        let found = try await OwnRegion(place, intent, maximumProcesses, memory).open(
            until: deadline, { _ in Self.type }, { _ in })
        self.init(found.bytes, found.region)
    }

    /// The same on a thread that may block.
    public convenience init(
        blockingAt place: SharedMemoryPlace, _ intent: CreationIntent = .create, maximumProcesses: Int = 64,
        memory: SharedMemoryOptions = SharedMemoryOptions(), until deadline: Deadline = .never
    ) throws(IPCError) {
        let found = try OwnRegion(place, intent, maximumProcesses, memory).openBlocking(
            until: deadline, { _ in Self.type }, { _ in })
        self.init(found.bytes, found.region)
    }
}
