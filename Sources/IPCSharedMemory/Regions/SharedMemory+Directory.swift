public import IPCCore
import IPCSystem

/// A region that was found on this machine.
public struct SharedMemoryListing: Sendable, Hashable {
    /// Where it lies.
    public var place: SharedMemoryPlace
    /// Its name, its path, or its key.
    public var name: String
    /// What lies in it; nil for memory that is not of this library.
    public var layout: RegionLayout?
    /// The size of all of it in bytes.
    public var byteCount: Int
    /// The user whom it belongs to.
    public var owner: UInt32
    /// Who may open it.
    public var permissions: AccessPermissions
    /// Whether a process has it open: through this library, or for a System V segment in any way. nil when this process
    /// may not look.
    public var isInUse: Bool?
    /// The process that made it, when it says so. It may be gone, and its number another's.
    public var creatorProcess: Int32?
    /// Whether ``SharedMemory/sweep(namesBeginningWith:)`` would remove it.
    public var isLeftover: Bool
    /// The number of a System V segment.
    var segment: Int32?
}

extension SharedMemory {
    /// Removes the name of a region, or the segment, and the names of the segments that it grew by. Those who have it open
    /// keep it. unlink(2), shmctl(2) IPC_RMID.
    ///
    /// - Throws: `.notFound`; `.permissionDenied`; `.alreadyExists` when something that is no region has that name;
    ///   `.unsupported` for the anonymous place.
    public static func remove(_ place: SharedMemoryPlace) throws(IPCError) {
        if case .segment(let key) = place.kind {
            try mapping("remove a segment", object: place.description) { () throws(SystemCallError) in
                let number = try SegmentCalls.get(
                    key: key, byteCount: 0, create: false, exclusive: false, permissions: 0)
                try SegmentCalls.remove(number)
            }
            return
        }
        let path = try RegionFile.path(of: place)
        _ = try CheckedFile.find(path, .regular, .anyone, "remove a region")
        // The name of the region last, and before it the last segment first: whoever is killed in here has left what
        // another `remove` finds, and nobody can have made another region of that name meanwhile, with segments of its own.
        let segments = (1...maximumSegmentCount).lazy.map { "\(path)\(segmentSuffix)\($0)" }.prefix {
            (try? CheckedFile.find($0, .regular, .anyone, "remove a region")) != nil
        }
        for segment in Array(segments).reversed() { try? FileCalls.unlink(segment) }
        try mapping("remove a region", object: path) { () throws(SystemCallError) in try FileCalls.unlink(path) }
    }

    /// The named regions and System V segments of this machine, whoever made them. Files are not listed: they may be
    /// anywhere.
    ///
    /// - Throws: `.notFound` when /dev/shm is not mounted; what the system says.
    public static func list() throws(IPCError) -> [SharedMemoryListing] {
        let names = try mapping("list regions", object: RegionFile.namedFolder) { () throws(SystemCallError) in
            try DirectoryCalls.names(in: RegionFile.namedFolder).names
        }
        let segments = try mapping("list segments") { () throws(SystemCallError) in try SegmentCalls.all() }
        return names.sorted().compactMap { FoundRegion.look($0)?.listing } + segments.map(listing)
    }

    /// Removes what dead processes have left: regions of this library in /dev/shm that belong to this user, that no
    /// process has open, and that were not made to be kept (``SharedMemoryOptions/isKeptWhenUnused``); System V segments
    /// of the same kind; and what was being made when its maker was killed.
    ///
    /// A region that is nobody's for a moment is a leftover too: give the beginning of your own names where other
    /// programs of the same user leave regions for their next run.
    ///
    /// - Parameter prefix: only names that begin so.
    /// - Returns: what was removed.
    /// - Throws: as ``list()``.
    @discardableResult
    public static func sweep(namesBeginningWith prefix: String = "") throws(IPCError) -> [SharedMemoryListing] {
        var removed: [SharedMemoryListing] = []
        for listing in try list() where listing.isLeftover && listing.name.hasPrefix(prefix) {
            if removeLeftover(listing) { removed.append(listing) }
        }
        return removed
    }

    /// Removes what was listed as a leftover, unless it is in use, removed or another by now.
    ///
    /// - Returns: whether it was removed.
    package static func removeLeftover(_ listing: SharedMemoryListing) -> Bool {
        guard case .segment(let key) = listing.place.kind else {
            guard let found = FoundRegion.look(listing.name), found.listing.isLeftover else { return false }
            return found.removeIfUnused()
        }
        // By its number, because the key may stand for another segment by now. A private one has no key to be found by,
        // and another process may have been given its number.
        guard key != 0, let number = listing.segment, let now = try? SegmentCalls.status(of: number),
            now.key == key, self.listing(now) == listing
        else { return false }
        for _ in 0..<looks {
            if SegmentCalls.removeIfUnused(number, attachments: 0) { return true }
            RegionFile.pause(.random(in: 0...100_000))
        }
        return false
    }

    /// How often somebody is looked for who uses a segment: others who look have it attached, too, for a moment.
    private static let looks = 4

    private static func listing(_ found: SegmentCalls.Status) -> SharedMemoryListing {
        var status = found
        for _ in 1..<looks where status.attachments != 0 {
            RegionFile.pause(.random(in: 0...100_000))
            guard let now = try? SegmentCalls.status(of: found.segment), now.key == found.key else { break }
            status = now
        }
        var layout: RegionLayout?
        var isKept = false
        if status.byteCount >= RegionHeader.byteCount, status.attachments == 0,
            let attached = try? MappedMemory(
                segment: status.segment, byteCount: status.byteCount, isWritable: false),
            let found = try? RegionHeader.read(attached.bytes, fileByteCount: status.byteCount, "")
        {
            (layout, isKept) = (found.layout, found.isKeptWhenUnused)
        }
        return SharedMemoryListing(
            place: .segment(key: status.key), name: "key \(status.key) segment \(status.segment)", layout: layout,
            byteCount: status.byteCount, owner: status.owner,
            permissions: AccessPermissions(rawValue: status.permissions), isInUse: status.attachments > 0,
            creatorProcess: status.creatorProcess,
            isLeftover: layout != nil && !isKept && status.attachments == 0 && status.key != 0
                && status.owner == ProcessFacts.effectiveUser, segment: status.segment)
    }
}

/// A file in /dev/shm that is looked at without mapping it.
private struct FoundRegion: ~Copyable {
    let listing: SharedMemoryListing
    private let descriptor: RegionDescriptor?

    /// nil when it is no regular file or is gone.
    static func look(_ name: String) -> FoundRegion? {
        let path = "\(RegionFile.namedFolder)/\(name)"
        guard let place = try? CheckedFile.find(path, .regular, .anyone, "list regions") else { return nil }
        let status = place.status
        let inodePath = place.inodePath
        let file = try? RegionDescriptor(FileCalls.open(inodePath, .readOnly))
        var contents: RegionHeader.Contents?
        var isInUse: Bool?
        if let number = file?.number {
            contents = header(number, Int(clamping: status.size), path)
            // Whoever has the region open holds a shared lock on it, which goes with the process.
            isInUse = (try? RegionFile.lockAlone(number)).map { !$0 }
            if isInUse == false { try? NameCalls.unlock(number) }
        }
        let isUnfinished = name.hasPrefix(RegionFile.unfinishedPrefix)
        // What a region grew by may be nobody's while the region is somebody's: it goes when the region may.
        let isNeeded = regionName(ofSegment: name).flatMap { look($0)?.listing }.map { !$0.isLeftover } ?? false
        let isOurs = contents.map { !$0.isKeptWhenUnused } ?? isUnfinished
        let listing = SharedMemoryListing(
            place: .named(name), name: name, layout: contents?.layout, byteCount: Int(clamping: status.size),
            owner: status.owner, permissions: AccessPermissions(rawValue: status.permissions), isInUse: isInUse,
            creatorProcess: contents?.creatorProcess,
            isLeftover: isOurs && !isNeeded && isInUse == false && status.owner == ProcessFacts.effectiveUser)
        return FoundRegion(listing: listing, descriptor: file)
    }

    /// The name of the region that grew by the one of that name; nil for one that is no segment.
    private static func regionName(ofSegment name: String) -> String? {
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex,
            name[dot...].hasPrefix(SharedMemory.segmentSuffix),
            Int(name[dot...].dropFirst(SharedMemory.segmentSuffix.count)) != nil
        else { return nil }
        return String(name[..<dot])
    }

    /// Removes it under a lock that nobody can have who has it open.
    consuming func removeIfUnused() -> Bool {
        guard let number = descriptor?.number else { return false }
        let isRemoved = RegionFile.removeIfUnused(number, "\(RegionFile.namedFolder)/\(listing.name)")
        // Open until here.
        _ = descriptor?.number
        return isRemoved
    }

    private static func header(_ number: Int32, _ size: Int, _ path: String) -> RegionHeader.Contents? {
        let header = CopiedMemory(byteCount: RegionHeader.byteCount)
        return withExtendedLifetime(header) {
            let count = try? header.fill(from: number, at: 0, count: RegionHeader.byteCount)
            guard count == RegionHeader.byteCount else { return nil }
            return try? RegionHeader.read(header.bytes, fileByteCount: size, path)
        }
    }
}
