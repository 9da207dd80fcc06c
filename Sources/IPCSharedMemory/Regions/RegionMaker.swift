import IPCCore
import IPCParticipants
import IPCSystem

/// Lays regions out, maps them and compares what is found with what is expected.
struct RegionMaker {
    let layout: RegionLayout?
    let options: SharedMemoryOptions
    /// What errors call the region.
    let object: String

    /// The size of the file of a region with `byteCount` usable bytes.
    func fileByteCount(_ byteCount: Int) throws(IPCError) -> Int {
        guard byteCount > 0 else {
            throw IPCError(.invalidArgument, "create a region: \(byteCount) bytes are too few", object: object)
        }
        let before = layout == nil ? 0 : RegionHeader.payloadOffset(slotCount: options.slotCount)
        let (size, overflow) = byteCount.addingReportingOverflow(before)
        guard !overflow else {
            throw IPCError(.invalidArgument, "create a region: \(byteCount) bytes are too many", object: object)
        }
        return size
    }

    /// Writes header and first contents through a mapping of its own.
    func fill(
        _ made: borrowing OwnedDescriptor, _ byteCount: Int, _ initialize: (SharedBytes) -> Void
    ) throws(IPCError) {
        guard layout != nil || options.fillsPlainBytes else { return }
        let size = try fileByteCount(byteCount)
        let number = made.number
        let mapping = try mapping("create a region", object: object) { () throws(SystemCallError) in
            try MappedMemory(number, byteCount: size)
        }
        guard let layout else { return initialize(mapping.bytes) }
        write(layout, byteCount, mapping.bytes, initialize)
    }

    private func write(
        _ layout: RegionLayout, _ byteCount: Int, _ memory: SharedBytes, _ initialize: (SharedBytes) -> Void
    ) {
        RegionHeader.write(layout, payloadByteCount: byteCount, options: options, to: memory)
        initialize(memory.slice(RegionHeader.payloadOffset(slotCount: options.slotCount), byteCount))
        RegionHeader.publish(memory)
    }

    /// Whether a file that was found is a region that its maker finished, as far as that can be told: it has bytes, and
    /// where a header is to be, not just zeroes.
    func isWhole(_ file: borrowing OwnedDescriptor, _ fileByteCount: Int) -> Bool {
        guard layout != nil, fileByteCount > 0 else { return fileByteCount > 0 }
        let start = (try? FileCalls.read(file.number, at: 0, size: RegionHeader.byteCount)) ?? []
        // No magic, and behind it nothing or what this library writes first: somebody was killed before he was done.
        let isBegun = start.dropFirst(8).prefix(4).elementsEqual([UInt8(RegionHeader.formatVersion), 0, 0, 0])
        return start.prefix(8).contains { $0 != 0 } || (!isBegun && start.contains { $0 != 0 })
    }

    /// A file in memory whose size is final.
    func makeAnonymous(
        _ byteCount: Int?, _ initialize: (SharedBytes) -> Void
    ) throws(IPCError) -> RegionFile {
        guard let byteCount else {
            throw IPCError(.invalidArgument, "create a region: say how many bytes it is to have", object: object)
        }
        var size = try fileByteCount(byteCount)
        let isHuge = options.hugePages == .reserved
        if isHuge {
            let page = 2 << 20
            size = (size + page - 1) / page * page
        }
        let file = try mapping("create a region", object: object) { () throws(SystemCallError) in
            let file = try MemoryCalls.makeFile("swift-ipc", hugePages: isHuge)
            // It comes with all permissions, for whoever finds it in /proc.
            try FileCalls.setPermissions(file.number, 0o600)
            return file
        }
        try RegionFile.allocate(file.number, size, object, options)
        try fill(file, byteCount, initialize)
        try mapping("create a region", object: object) { () throws(SystemCallError) in
            try MemoryCalls.seal(file.number, options.allowsMoreSeals ? [.shrinking, .growing] : .size)
        }
        return RegionFile(descriptor: file, byteCount: size, wasCreated: true)
    }

    func map(_ number: Int32, _ byteCount: Int) throws(IPCError) -> MappedMemory {
        // Large pages are asked for before the first is there.
        let isPrefaulted = options.isPrefaulted && options.hugePages != .transparent
        let mode = MappedMemory.Mode(
            isWritable: options.access != .readOnly, isCopyOnWrite: options.access == .copyOnWrite,
            isPrefaulted: isPrefaulted,
            privateBytesBelow: options.slotCount > 0 ? ParticipantLayout.privateBytesBelow : 0)
        let mapped = try mapping("map a region", object: object) { () throws(SystemCallError) in
            try MappedMemory(number, byteCount: byteCount, mode)
        }
        try settle(mapped, isPrefaulted: isPrefaulted)
        return mapped
    }

    /// Applies what is asked for the pages of a mapping.
    private func settle(_ mapped: MappedMemory, isPrefaulted: Bool) throws(IPCError) {
        if options.hugePages == .transparent { try? mapped.adviseHugePages() }
        if options.isPrefaulted, !isPrefaulted { try populate(mapped) }
        guard options.isLockedInMemory else { return }
        do throws(SystemCallError) {
            try mapped.lockInMemory()
        } catch {
            throw IPCError(
                .resourceExhausted,
                """
                lock a region in memory: \(mapped.bytes.byteCount) bytes are above the limit; raise RLIMIT_MEMLOCK \
                (ulimit -l)
                """, object: object, systemCall: error.call.rawValue, errno: error.errno)
        }
    }

    private func populate(_ mapped: MappedMemory) throws(IPCError) {
        do throws(SystemCallError) {
            try mapped.populate(isWritable: options.access != .readOnly)
        } catch {
            // Before Linux 5.14 the pages come at their first touch.
            guard error.errno == Errno.invalid else { throw IPCError(error, "map a region", object: object) }
        }
    }

    /// The usable bytes of a mapped region that is what was expected.
    func look(
        at memory: SharedBytes, _ fileByteCount: Int, expecting byteCount: Int?
    ) throws(IPCError) -> (payload: SharedBytes, slotCount: Int, options: SharedMemoryOptions) {
        guard let layout else {
            guard byteCount ?? 0 <= fileByteCount else {
                throw IPCError(
                    .typeMismatch, "open a region: expected \(byteCount ?? 0) bytes, found \(fileByteCount)",
                    object: object)
            }
            return (memory.slice(0, byteCount ?? fileByteCount), 0, options)
        }
        let found = try RegionHeader.read(memory, fileByteCount: fileByteCount, object)
        try RegionHeader.check(
            found, is: layout, byteCount: byteCount, slotCount: options.slotCount, object)
        var options = options
        options.isKeptWhenUnused = found.isKeptWhenUnused
        return (memory.slice(found.payloadOffset, found.payloadByteCount), found.slotCount, options)
    }

    /// shmget(2).
    func takeSegment(
        _ key: Int32, _ intent: CreationIntent, _ byteCount: Int?
    ) throws(IPCError) -> (number: Int32, wasCreated: Bool) {
        guard key != 0 else {
            throw IPCError(
                .invalidName, "take a segment: key 0 makes one that nobody can find; use an anonymous region",
                object: object)
        }
        guard options.access != .copyOnWrite, options.slotCount == 0 else {
            throw IPCError(.unsupported, "map a segment: it can be read-write or read-only", object: object)
        }
        let size = try byteCount.map { count throws(IPCError) in try fileByteCount(count) } ?? 0
        guard intent == .open || size > 0 else {
            throw IPCError(.invalidArgument, "create a segment: say how many bytes it is to have", object: object)
        }
        do throws(SystemCallError) {
            return try findOrMakeSegment(key, intent, size)
        } catch {
            throw explain(error)
        }
    }

    /// shmat(2).
    func attachSegment(
        _ number: Int32, _ intent: CreationIntent, _ byteCount: Int?, isNew: Bool,
        _ initialize: (SharedBytes) -> Void
    ) throws(IPCError) -> MappedMemory {
        let status = try mapping("attach a segment", object: object) { () throws(SystemCallError) in
            try SegmentCalls.status(of: number)
        }
        guard options.owner.includes(status.owner), options.owner.includes(status.creator) else {
            throw IPCError(
                .permissionDenied,
                "attach a segment: it belongs to user \(status.owner), made by user \(status.creator), who is not trusted",
                object: object)
        }
        let attached = try mapping("attach a segment", object: object) { () throws(SystemCallError) in
            try MappedMemory(
                segment: number, byteCount: status.byteCount, isWritable: options.access == .readWrite || isNew)
        }
        try settle(attached, isPrefaulted: false)
        guard let layout else { return attached }
        // A segment has its name before its contents. The header is the same whoever writes it, so whoever finds a
        // segment without one writes it: a maker who was killed leaves nothing to wait for.
        if intent != .open, options.access == .readWrite || isNew, let byteCount,
            attached.bytes.byteCount >= (try fileByteCount(byteCount)), attached.bytes.word64(0).loadAcquiring() == 0
        {
            write(layout, byteCount, attached.bytes, initialize)
        }
        return attached
    }

    private func findOrMakeSegment(
        _ key: Int32, _ intent: CreationIntent, _ size: Int
    ) throws(SystemCallError) -> (number: Int32, wasCreated: Bool) {
        let permissions = options.permissions.rawValue
        if intent != .open {
            do throws(SystemCallError) {
                let made = try SegmentCalls.get(
                    key: key, byteCount: size, create: true, exclusive: true, permissions: permissions)
                return (made, true)
            } catch {
                guard intent == .openOrCreate, error.errno == Errno.exists else { throw error }
            }
        }
        return (try SegmentCalls.get(key: key, byteCount: 0, create: false, exclusive: false, permissions: 0), false)
    }

    private func explain(_ error: SystemCallError) -> IPCError {
        let advice: (IPCError.Code, String)? =
            switch error.errno {
            case Errno.noSpace:
                (.resourceExhausted, "no segment is free; raise kernel.shmmni or kernel.shmall, or remove some")
            case Errno.invalid: (.resourceExhausted, "the size is above kernel.shmmax or below kernel.shmmin")
            default: nil
            }
        guard let advice else { return IPCError(error, "take a segment", object: object) }
        return IPCError(
            advice.0, "take a segment: \(advice.1)", object: object, systemCall: error.call.rawValue, errno: error.errno
        )
    }
}
