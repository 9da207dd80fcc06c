public import IPCCore
import IPCSystem

/// One descriptor; as state one byte for the version, one for the access, eight for the usable bytes, and the layout:
/// four bytes for its version, eight for its fingerprint, and its name. Without a layout nothing follows the size.
extension SharedMemory: DescriptorTransferable {
    private static let stateVersion: UInt8 = 1

    /// The region for another process, with the access that this one has. It stays mapped here as well.
    ///
    /// - Throws: `.unsupported` for a region that is not anonymous: give its name instead; `.resourceExhausted`.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        try transfer(for: access)
    }

    /// The region for another process, which can do no more with it than `access` says, as long as it runs as another user
    /// than this one and root: a process of the same user can open the memory anew through /proc.
    ///
    /// - Throws: `.permissionDenied` when this process has less; `.unsupported` for a region that is not anonymous;
    ///   `.resourceExhausted`.
    public func transfer(for access: SharedMemoryAccess) throws(IPCError) -> TransferredDescriptors {
        guard let file, place == .anonymous else {
            throw IPCError(
                .unsupported, "pass a region on: it has a name, which the other side can open",
                object: place.description)
        }
        guard access != .readWrite || self.access == .readWrite else {
            throw IPCError(.permissionDenied, "pass a region on for writing: this process may only read it")
        }
        let number = file.number
        let passed = try mapping("pass a region on") { () throws(SystemCallError) in
            access == .readWrite
                ? try DescriptorCalls.duplicate(number)
                : try FileCalls.open(CheckedFile.inodePath(number), .readOnly).release()
        }
        var state: [UInt8] = [Self.stateVersion, access.number]
        state.append(UInt64(byteCount))
        if let layout {
            state.append(UInt64(layout.version))
            state.append(layout.fingerprint)
            state += layout.name.utf8
        }
        return TransferredDescriptors(descriptors: [PassedDescriptor(owning: passed)], state: state)
    }

    /// The region on the other side.
    ///
    /// - Throws: `.decodingFailed` when this is no region; `.protocolViolation` when its size can still change (memory
    ///   that a peer could take away under our hands is refused); `.typeMismatch`, `.wrongVersion` when the header says
    ///   something else; `.resourceExhausted`.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> SharedMemory {
        var state = transferred.state[...]
        guard transferred.descriptors.count == 1, state.popFirst() == stateVersion,
            let access = state.popFirst().flatMap(SharedMemoryAccess.init(number:)),
            let byteCount = state.popNumber().flatMap({ Int(exactly: $0) }), byteCount > 0
        else {
            throw IPCError(.decodingFailed, "receive a region: this is not the state of one")
        }
        var layout: RegionLayout?
        if !state.isEmpty {
            guard let version = state.popNumber().flatMap({ UInt32(exactly: $0) }), let fingerprint = state.popNumber(),
                !state.isEmpty, state.count <= RegionLayout.maximumNameLength
            else {
                throw IPCError(.decodingFailed, "receive a region: this is not the state of one")
            }
            layout = RegionLayout(
                String(decoding: state, as: UTF8.self), version: version, fingerprint: fingerprint)
        }
        return try receive(transferred.descriptors[0], access, byteCount, layout)
    }

    /// The region that a descriptor stands for, if nobody can change its size any more.
    package static func receive(
        _ passed: PassedDescriptor, _ access: SharedMemoryAccess, _ byteCount: Int?, _ layout: RegionLayout?,
        slotCount: Int = 0, mayHaveHoles: Bool = false
    ) throws(IPCError) -> SharedMemory {
        guard let number = passed.take() else {
            throw IPCError(.decodingFailed, "receive a region: its descriptor was taken already")
        }
        let descriptor = OwnedDescriptor(owning: number)
        let doing = "receive a region"
        // The seals first: what is looked at before them could still change.
        guard (try? MemoryCalls.seals(of: descriptor.number).contains(.shrinking)) ?? false else {
            throw IPCError(
                .protocolViolation,
                "\(doing): the peer could still take the memory away; it must be sealed against shrinking (F_SEAL_SHRINK)"
            )
        }
        let status = try mapping(doing) { () throws(SystemCallError) in try FileCalls.status(of: descriptor.number) }
        // Ours have all their room. One without could claim any size at no cost, and each page would be taken at our touch.
        guard mayHaveHoles || status.allocatedByteCount >= status.size else {
            throw IPCError(.protocolViolation, "\(doing): it claims \(status.size) bytes and has not so much room")
        }
        var options = SharedMemoryOptions(access: access)
        options.slotCount = slotCount
        let maker = RegionMaker(layout: layout, options: options, object: "memory from a peer")
        let file = RegionFile(
            descriptor: descriptor, byteCount: Int(clamping: status.size), wasCreated: false)
        return try SharedMemory(file, .anonymous, byteCount, maker)
    }
}

extension SharedMemoryAccess {
    fileprivate var number: UInt8 {
        switch self {
        case .readWrite: 0
        case .readOnly: 1
        case .copyOnWrite: 2
        }
    }

    fileprivate init?(number: UInt8) {
        switch number {
        case 0: self = .readWrite
        case 1: self = .readOnly
        case 2: self = .copyOnWrite
        default: return nil
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ number: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}

extension ArraySlice<UInt8> {
    /// Eight bytes, least significant first.
    fileprivate mutating func popNumber() -> UInt64? {
        guard count >= 8 else { return nil }
        defer { removeFirst(8) }
        return prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
