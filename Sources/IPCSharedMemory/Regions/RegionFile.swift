import IPCCore
import IPCSystem

/// The file behind a region: made whole before it has a name, so that nobody ever finds half of one; or found and checked.
struct RegionFile: ~Copyable {
    let descriptor: OwnedDescriptor
    /// The size of the file in bytes.
    let byteCount: Int
    let wasCreated: Bool
    /// Whether it has been given its name here.
    var isNamedHere = false

    /// Where names of ``SharedMemoryPlace/named(_:)`` lie. shm_overview(7).
    static let namedFolder = "/dev/shm"
    /// How the names of files begin that are being made where the file system has none without a name.
    static let unfinishedPrefix = ".swift-ipc-"
    /// How often a name may vanish between finding that it is there and looking at it.
    private static let attempts = 100

    consuming func release() -> OwnedDescriptor { descriptor }

    /// The path of a named region or of a file.
    static func path(of place: SharedMemoryPlace) throws(IPCError) -> String {
        switch place.kind {
        case .named(let name):
            let count = name.utf8.count
            guard count > 0, count <= 249, !name.utf8.contains(0x2F), !name.utf8.contains(0), !name.hasPrefix(".")
            else {
                throw IPCError(
                    .invalidName,
                    "name a region: 1 to 249 bytes without a slash, a zero byte and a leading dot are needed",
                    object: name)
            }
            return "\(namedFolder)/\(name)"
        case .file(let path):
            try PathRules.check(path, "open a region")
            return path
        case .anonymous, .segment:
            throw IPCError(.unsupported, "name a region: \(place.description) has no path")
        }
    }

    /// Makes or finds the file at `path`. `fill` writes the first contents before anybody can find the file.
    static func take(
        _ path: String, _ intent: CreationIntent, byteCount: Int?, _ options: SharedMemoryOptions,
        isWhole: (borrowing OwnedDescriptor, Int) -> Bool = { $1 > 0 },
        fill: (borrowing OwnedDescriptor) throws(IPCError) -> Void
    ) throws(IPCError) -> RegionFile {
        if intent == .open { return try find(path, options) }
        guard let byteCount else {
            throw IPCError(.invalidArgument, "create a region: say how many bytes it is to have", object: path)
        }
        for _ in 0..<attempts {
            if intent == .openOrCreate {
                do throws(IPCError) {
                    let found = try find(path, options)
                    let isHalfMade = found.byteCount == 0 || found.byteCount == byteCount
                    if !isHalfMade || isWhole(found.descriptor, found.byteCount) { return found }
                    if let finished = try finish(found, path, byteCount, options, isWhole, fill) { return finished }
                    continue
                } catch {
                    guard error.code == .notFound else { throw error }
                }
            }
            if let made = try make(path, byteCount, options, fill) { return made }
            if intent == .create {
                throw IPCError(
                    .alreadyExists,
                    "create a region: \(CheckedFile.describe(path)) has that name; remove it, or open it if it is the right one",
                    object: path)
            }
        }
        throw IPCError(
            .notFound, "open a region: the name comes and goes; somebody else creates and removes it", object: path)
    }

    /// Finishes what another program began and did not finish: shm_open(3) without ftruncate(2), say. One process at a time
    /// does so, under a lock that the kernel drops when it dies.
    ///
    /// - Returns: nil when somebody else is at it, or was: look again.
    private static func finish(
        _ found: borrowing RegionFile, _ path: String, _ byteCount: Int, _ options: SharedMemoryOptions,
        _ isWhole: (borrowing OwnedDescriptor, Int) -> Bool,
        _ fill: (borrowing OwnedDescriptor) throws(IPCError) -> Void
    ) throws(IPCError) -> RegionFile? {
        guard options.access == .readWrite else {
            throw IPCError(
                .permissionDenied, "open a region: it is half made, and finishing it needs to write", object: path)
        }
        let number = found.descriptor.number
        let lock = try mapping("finish a region", object: path) { () throws(SystemCallError) in
            try RangeLock.tryTake(number)
        }
        guard let lock else {
            pause()
            return nil
        }
        // Whoever had the lock before may have finished it: then the next look finds it whole.
        let copy = try mapping("finish a region", object: path) { () throws(SystemCallError) in
            try found.descriptor.duplicate()
        }
        let size = try mapping("finish a region", object: path) { () throws(SystemCallError) in
            Int(clamping: try FileCalls.status(of: number).size)
        }
        guard size == found.byteCount, !isWhole(found.descriptor, size) else { return nil }
        try prepare(copy, byteCount, options, path, fill)
        _ = consume lock
        return RegionFile(descriptor: copy, byteCount: max(size, byteCount), wasCreated: true)
    }

    /// nil when something has that name. Whoever is killed in here leaves nothing, or an unfinished file under a name that
    /// nobody opens.
    private static func make(
        _ path: String, _ byteCount: Int, _ options: SharedMemoryOptions,
        _ fill: (borrowing OwnedDescriptor) throws(IPCError) -> Void
    ) throws(IPCError) -> RegionFile? {
        let folder = folder(of: path)
        let made = try mapping("create a region", object: path) { () throws(SystemCallError) in
            try NameCalls.makeUnnamed(in: folder, permissions: 0o600)
        }
        guard let made else { return try makeRenamed(path, byteCount, options, fill) }
        KillPoints.pass("region made")
        try prepare(made, byteCount, options, path, fill)
        let isNamed = try mapping("create a region", object: path) { () throws(SystemCallError) in
            try NameCalls.giveName(made.number, path)
        }
        KillPoints.pass("region named")
        return isNamed
            ? RegionFile(descriptor: made, byteCount: byteCount, wasCreated: true, isNamedHere: true) : nil
    }

    /// The same where the file system has no files without a name: under another name first.
    private static func makeRenamed(
        _ path: String, _ byteCount: Int, _ options: SharedMemoryOptions,
        _ fill: (borrowing OwnedDescriptor) throws(IPCError) -> Void
    ) throws(IPCError) -> RegionFile? {
        let unfinished = "\(folder(of: path))/\(unfinishedPrefix)\(UInt64.random(in: 0 ... .max))"
        let made = try mapping("create a region", object: unfinished) { () throws(SystemCallError) in
            try FileCalls.open(unfinished, [.readWrite, .create, .exclusive, .noFollow])
        }
        defer { try? FileCalls.unlink(unfinished) }
        try prepare(made, byteCount, options, path, fill)
        let isNamed = try mapping("create a region", object: path) { () throws(SystemCallError) in
            try NameCalls.link(unfinished, path)
        }
        return isNamed
            ? RegionFile(descriptor: made, byteCount: byteCount, wasCreated: true, isNamedHere: true) : nil
    }

    private static func prepare(
        _ made: borrowing OwnedDescriptor, _ byteCount: Int, _ options: SharedMemoryOptions, _ path: String,
        _ fill: (borrowing OwnedDescriptor) throws(IPCError) -> Void
    ) throws(IPCError) {
        let number = made.number
        try allocate(number, byteCount, path, options)
        KillPoints.pass("region allocated")
        try fill(made)
        KillPoints.pass("region filled")
        try mapping("create a region", object: path) { () throws(SystemCallError) in
            try FileCalls.setPermissions(number, options.permissions.rawValue)
            // Says that the file is in use: see RegionUse.
            _ = try FileCalls.tryLock(number, exclusive: false)
        }
    }

    /// Removes the name `path` of the file that `number` is open for, unless it is another's by now or some other process
    /// has the region open: whoever does holds a shared lock on it.
    ///
    /// - Returns: whether it was removed.
    @discardableResult
    static func removeIfUnused(_ number: Int32, _ path: String) -> Bool {
        guard (try? lockAlone(number)) ?? false, let status = try? FileCalls.status(of: number),
            let now = try? FileCalls.status(at: path), now.inode == status.inode, now.device == status.device
        else { return false }
        return (try? FileCalls.unlink(path)) != nil
    }

    /// Locks the file that `number` is open for, unless somebody has the region open. Others who only look, for a list or
    /// a sweep, have such a lock themselves for a moment: they are waited for, and are no users.
    ///
    /// - Returns: whether it is locked. What lock there was on `number` before is gone either way.
    static func lockAlone(_ number: Int32) throws(SystemCallError) -> Bool {
        var users = 0
        for _ in 0..<attempts {
            if try FileCalls.tryLock(number) { return true }
            // What a user has can be shared, what one who looks has cannot. Two who look may each take this for the lock of
            // a user: so it is looked at again.
            if try FileCalls.tryLock(number, exclusive: false) {
                try NameCalls.unlock(number)
                users += 1
                if users == 4 { return false }
            }
            pause(.random(in: 0...100_000))
        }
        return false
    }

    /// Room for `byteCount` bytes, or an error now and not SIGBUS later.
    static func allocate(
        _ number: Int32, _ byteCount: Int, _ object: String, _ options: SharedMemoryOptions
    ) throws(IPCError) {
        guard let usable = options.allocatedByteCount else { return try allocate(number, byteCount, object) }
        try allocate(
            number, min(byteCount, RegionHeader.payloadOffset(slotCount: options.slotCount) + usable), object)
        try mapping("create a region", object: object) { () throws(SystemCallError) in
            try FileCalls.truncate(number, to: byteCount)
        }
    }

    static func allocate(_ number: Int32, _ byteCount: Int, _ object: String) throws(IPCError) {
        guard byteCount > 0 else {
            throw IPCError(.invalidArgument, "create a region: \(byteCount) bytes are too few", object: object)
        }
        do throws(SystemCallError) {
            try MemoryCalls.allocate(number, size: byteCount)
        } catch {
            guard error.errno == Errno.noSpace else { throw IPCError(error, "create a region", object: object) }
            throw IPCError(
                .resourceExhausted,
                "create a region: the file system has no room for \(byteCount) bytes; free some or make it larger",
                object: object, systemCall: error.call.rawValue, errno: error.errno)
        }
    }

    /// A moment for somebody else to get on. Seldom and short enough to keep this thread.
    static func pause(_ nanoseconds: UInt64 = 2_000_000) {
        FutexWord().wait(while: 0, until: MonotonicClock.nanoseconds + nanoseconds)
    }

    private static func find(_ path: String, _ options: SharedMemoryOptions) throws(IPCError) -> RegionFile {
        for attempt in 0..<attempts {
            let place = try CheckedFile.find(path, .regular, options.owner, "open a region")
            let inodePath = place.inodePath
            let writes = options.access == .readWrite
            let file = try mapping("open a region", object: path) { () throws(SystemCallError) in
                try FileCalls.open(inodePath, writes ? .readWrite : .readOnly)
            }
            // Whoever looks for leftovers has the lock for a moment, and may remove the name with it. A program that keeps
            // it does not keep us out.
            let isMarked = (try? FileCalls.tryLock(file.number, exclusive: false)) ?? false
            if !isMarked && attempt < attempts - 1 {
                pause()
                continue
            }
            // Whoever removes leftovers may have done so between the look and the lock.
            let status = try mapping("open a region", object: path) { () throws(SystemCallError) in
                try FileCalls.status(of: file.number)
            }
            guard let now = try? FileCalls.status(at: path), now.inode == status.inode, now.device == status.device
            else { continue }
            return RegionFile(descriptor: file, byteCount: Int(clamping: status.size), wasCreated: false)
        }
        throw IPCError(.notFound, "open a region: the name comes and goes", object: path)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
