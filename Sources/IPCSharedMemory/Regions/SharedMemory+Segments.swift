public import IPCCore
import IPCSystem

/// Regions grow by more regions: a mapping never moves, so what points into it stays right.
extension SharedMemory {
    /// Makes one more segment, which has the layout of this region.
    ///
    /// The segment of a region with a name has the next free one of the names `name.segment-1`, `name.segment-2`, and so
    /// on, so that others find it with ``openSegment(_:options:)``; that of an anonymous region is anonymous and has to be passed on.
    ///
    /// - Parameters:
    ///   - byteCount: how many usable bytes it has.
    ///   - options: nil: as this region was made or opened (access, pages, locking, trust), with the permissions that it
    ///     has now.
    /// - Returns: the segment, and its number from 1 on (0 for an anonymous one).
    /// - Throws: as the initializer; `.permissionDenied` for a region that this process does not write to, unless `options`
    ///   say what the segment is to be; `.unsupported` for a System V segment, which has no names.
    public func addSegment(
        byteCount: Int, options: SharedMemoryOptions? = nil
    ) throws(IPCError) -> (segment: SharedMemory, number: Int) {
        guard let options else { return try addSegment(byteCount: byteCount, options: optionsOfNewSegment()) }
        if place == .anonymous {
            return (try SharedMemory(byteCount: byteCount, layout: layout, options: options), 0)
        }
        var number = 1
        while number <= Self.maximumSegmentCount {
            do throws(IPCError) {
                let segment = try SharedMemory(
                    at: try place.segment(number), .create, byteCount: byteCount, layout: layout, options: options)
                return (segment, number)
            } catch {
                guard error.code == .alreadyExists else { throw error }
            }
            number += 1
        }
        throw IPCError(
            .resourceExhausted, "grow a region: it has \(Self.maximumSegmentCount) segments already",
            object: place.description)
    }

    /// What stands between the name of a region and the number of a segment.
    static let segmentSuffix = ".segment-"

    /// The most segments that a region can grow by.
    public static let maximumSegmentCount = 4096

    private func optionsOfNewSegment() throws(IPCError) -> SharedMemoryOptions {
        guard access == .readWrite else {
            throw IPCError(
                .permissionDenied, "grow a region: this process does not write to it; do so where it is written",
                object: place.description)
        }
        var options = optionsOfSegment
        if let number = file?.number {
            let status = try mapping("grow a region", object: place.description) { () throws(SystemCallError) in
                try FileCalls.status(of: number)
            }
            options.permissions = AccessPermissions(rawValue: status.permissions)
        }
        return options
    }

    /// Processes take part in the region, not in what it grew by.
    private var optionsOfSegment: SharedMemoryOptions {
        var options = options
        options.slotCount = 0
        options.isClaimedByMaker = false
        return options
    }

    /// Opens the segment `number`, from 1 on, that somebody added; nil when there is none.
    ///
    /// - Parameters:
    ///   - number: from 1 on.
    ///   - options: nil: as this region was made or opened.
    /// - Throws: as the initializer.
    public func openSegment(
        _ number: Int, options: SharedMemoryOptions? = nil
    ) throws(IPCError) -> SharedMemory? {
        guard place != .anonymous, number > 0 else { return nil }
        let options = options ?? optionsOfSegment
        do throws(IPCError) {
            return try SharedMemory(at: try place.segment(number), .open, layout: layout, options: options)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }
}

extension SharedMemoryPlace {
    /// The place of a segment that a region grew by.
    func segment(_ number: Int) throws(IPCError) -> SharedMemoryPlace {
        switch kind {
        case .named(let name): .named("\(name)\(SharedMemory.segmentSuffix)\(number)")
        case .file(let path): .file("\(path)\(SharedMemory.segmentSuffix)\(number)")
        case .anonymous, .segment:
            throw IPCError(.unsupported, "grow a region: \(description) has no name to add to")
        }
    }
}
