public import IPCCore
import IPCParticipants
package import IPCSystem

/// A region of memory that several processes see at once. mmap(2).
///
/// ```swift
/// // One process
/// let region = try SharedMemory(at: .named("counters"), .openOrCreate, byteCount: 4096)
/// try region.atomic(at: 0).wrappingAdd(1)
///
/// // Another
/// let region = try SharedMemory(at: .named("counters"), .open)
/// print(try region.atomic(at: 0).load())
/// ```
///
/// - **Who orders accesses?** Nobody: two processes that write the same bytes at once get a mixture. Use
///   ``SharedAtomic`` for words, and for more the objects of this library that stand on regions.
/// - **Made whole.** A region has its size, its room and its header before it has its name, so nobody opens half of one,
///   whenever its maker is killed. A full file system is `.resourceExhausted` here and not SIGBUS later. An initializer
///   that throws removes the name that it has made, unless somebody else has opened the region by then.
/// - **Lifetime.** The mapping lasts as long as this object. An anonymous region goes with the last process that has it;
///   others stay until ``remove(_:)``, whoever dies.
/// - **Passing it on.** By name, or as a `DescriptorTransferable`: over a socket, at spawn, as an argument.
///   System V segments are passed on by key.
/// - **Taking memory away.** The size of an anonymous region is sealed, and memory from a peer that is not is refused. A
///   file or a named region can be cut short by whoever may write it: the methods here look first and throw `.truncated`,
///   but an access through ``withUnsafeBytes(_:)``, or one that races with the cut, is SIGBUS. Give such regions to those
///   alone whom you trust (``SharedMemoryOptions/permissions``).
public final class SharedMemory: Sendable {
    /// Where it lies.
    public let place: SharedMemoryPlace
    /// What lies in it; nil for plain bytes.
    public let layout: RegionLayout?
    /// What this process may do with it.
    public let access: SharedMemoryAccess
    /// Whether it was made by this object.
    public let wasCreated: Bool
    /// Whether nobody can change its size any more, so that no access is ever SIGBUS.
    public let hasFixedSize: Bool

    package let memory: MappedMemory
    /// The usable bytes.
    package let payload: SharedBytes
    /// The file behind it; nil for a System V segment.
    package let file: RegionDescriptor?
    /// Slots for processes.
    package let slotCount: Int
    /// The number of the System V segment, or -1.
    let segment: Int32
    /// Whether this object has given the region its name or key.
    private let isNamedHere: Bool
    /// How it was made or opened; for one that was found with a header, kept when unused if that says so.
    let options: SharedMemoryOptions

    /// Usable bytes.
    public var byteCount: Int { payload.byteCount }

    /// The header, for a region with a layout.
    package var header: SharedBytes? {
        layout == nil ? nil : memory.bytes.slice(0, RegionHeader.byteCount)
    }

    /// Makes a region, or finds one.
    ///
    /// - Parameters:
    ///   - place: where. Without one, the region is anonymous.
    ///   - intent: whether to make it; an anonymous region is always made.
    ///   - byteCount: how many usable bytes a new region has. Rounded up to whole pages by the kernel, not here. For one
    ///     that is found with a layout, the size that it must have; without a layout, the least. nil: any.
    ///   - layout: what lies in it. The region begins with a header then, which is compared when one is found.
    ///   - options: access, permissions, pages.
    /// - Throws: `.alreadyExists`, `.notFound`, `.invalidName`; `.permissionDenied` (the system says no, a symbolic link,
    ///   an owner who is not trusted); `.resourceExhausted` (the file system is full, no memory, RLIMIT_MEMLOCK);
    ///   `.typeMismatch`, `.wrongVersion`, `.wrongMagic`, `.protocolViolation` for a region with another layout or none.
    public convenience init(
        at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .create, byteCount: Int? = nil,
        layout: RegionLayout? = nil, options: SharedMemoryOptions = SharedMemoryOptions()
    ) throws(IPCError) {
        try self.init(at: place, intent, byteCount: byteCount, layout: layout, options: options) { _ in }
    }

    /// The same, with the first contents, which are there before anybody can find the region.
    package convenience init(
        at place: SharedMemoryPlace, _ intent: CreationIntent, byteCount: Int?, layout: RegionLayout?,
        options: SharedMemoryOptions, initialize: (SharedBytes) -> Void
    ) throws(IPCError) {
        if let layout, layout.name.isEmpty || layout.name.utf8.count > RegionLayout.maximumNameLength {
            throw IPCError(
                .invalidName,
                "lay a region out: a name of 1 to \(RegionLayout.maximumNameLength) bytes is needed",
                object: layout.name)
        }
        precondition(options.slotCount <= ParticipantLayout.maximumSlotCount, "too many slots for one region")
        let maker = RegionMaker(layout: layout, options: options, object: place.description)
        switch place.kind {
        case .anonymous:
            try self.init(try maker.makeAnonymous(byteCount, initialize), place, byteCount, maker)
        case .named, .file:
            let path = try RegionFile.path(of: place)
            let size = try byteCount.map { count throws(IPCError) in try maker.fileByteCount(count) }
            let file = try RegionFile.take(path, intent, byteCount: size, options, isWhole: maker.isWhole) {
                made throws(IPCError) in
                if options.isClaimedByMaker {
                    try WriterClaim.take(made.number, "create a region", place.description)
                }
                try maker.fill(made, byteCount ?? 0, initialize)
            }
            try self.init(file, place, byteCount, maker)
        case .segment(let key):
            try self.init(segment: key, place, intent, byteCount, maker, initialize)
        }
    }

    /// Maps a file that was made, found or received.
    init(
        _ file: consuming RegionFile, _ place: SharedMemoryPlace, _ byteCount: Int?, _ maker: RegionMaker
    ) throws(IPCError) {
        let fileByteCount = file.byteCount
        guard fileByteCount > 0 else {
            throw IPCError(
                .wrongMagic, "open a region: it has no bytes; whoever made it did not finish. Remove it",
                object: maker.object)
        }
        wasCreated = file.wasCreated
        isNamedHere = file.isNamedHere
        let descriptor = RegionDescriptor(file.release())
        // What was made here without a name was sealed here.
        let isSealed = wasCreated && place == .anonymous
        hasFixedSize = isSealed || ((try? MemoryCalls.seals(of: descriptor.number)) ?? []).contains(.shrinking)
        do throws(IPCError) {
            let mapped = try maker.map(descriptor.number, fileByteCount)
            let takesAnySize = maker.options.takesAnySize && !wasCreated
            let found = try maker.look(at: mapped.bytes, fileByteCount, expecting: takesAnySize ? nil : byteCount)
            memory = mapped
            payload = found.payload
            slotCount = found.slotCount
            options = found.options
        } catch {
            // Nobody gets an object that could remove what has been made.
            if isNamedHere, let path = try? RegionFile.path(of: place) {
                RegionFile.removeIfUnused(descriptor.number, path)
            }
            throw error
        }
        self.file = descriptor
        self.place = place
        layout = maker.layout
        access = maker.options.access
        segment = -1
    }

    private init(
        segment key: Int32, _ place: SharedMemoryPlace, _ intent: CreationIntent, _ byteCount: Int?,
        _ maker: RegionMaker, _ initialize: (SharedBytes) -> Void
    ) throws(IPCError) {
        let (number, isNew) = try maker.takeSegment(key, intent, byteCount)
        do throws(IPCError) {
            let attached = try maker.attachSegment(number, intent, byteCount, isNew: isNew, initialize)
            let found = try maker.look(at: attached.bytes, attached.bytes.byteCount, expecting: byteCount)
            memory = attached
            payload = found.payload
            slotCount = found.slotCount
            options = found.options
        } catch {
            if isNew { SegmentCalls.removeIfUnused(number, attachments: 0) }
            throw error
        }
        isNamedHere = isNew
        file = nil
        self.place = place
        layout = maker.layout
        access = maker.options.access
        segment = number
        wasCreated = isNew
        // A segment keeps its size until its last user is gone.
        hasFixedSize = true
    }
}

extension SharedMemory {
    /// Removes the name or key that this object has given the region, unless somebody else has it open by now: for an
    /// object that makes a region and then cannot be made itself.
    package func abandon() {
        guard isNamedHere else { return }
        if let file, let path = try? RegionFile.path(of: place) {
            RegionFile.removeIfUnused(file.number, path)
        } else if segment >= 0 {
            SegmentCalls.removeIfUnused(segment, attachments: 1)
        }
    }
}

/// A descriptor in a place that may be empty.
package final class RegionDescriptor: Sendable {
    private let descriptor: OwnedDescriptor

    package var number: Int32 { descriptor.number }

    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}
