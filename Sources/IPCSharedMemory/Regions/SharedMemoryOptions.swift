public import IPCCore

/// What this process may do with a region.
public enum SharedMemoryAccess: Sendable, Hashable {
    /// Read and write; everybody sees what is written.
    case readWrite
    /// Read. A write is a fault of the hardware (SIGSEGV), so no method of this library writes then.
    case readOnly
    /// Read and write, but what is written stays in this process. MAP_PRIVATE, mmap(2). What others write later in a page
    /// that was not written here may or may not show.
    case copyOnWrite
}

/// How a region is made, opened and mapped.
public struct SharedMemoryOptions: Sendable, Hashable {
    /// Pages larger than the usual 4 KiB, which save page faults and translation misses in large regions.
    public enum HugePages: Sendable, Hashable {
        /// Pages of the usual size.
        case none
        /// Huge pages where the system has some to give; no error where it has none. madvise(2) MADV_HUGEPAGE.
        case transparent
        /// Huge pages that the administrator has set aside; `.resourceExhausted` where there are not enough. For
        /// anonymous regions. MFD_HUGETLB, memfd_create(2).
        case reserved
    }

    /// What this process may do.
    public var access: SharedMemoryAccess
    /// Who may open what is made here: exactly so, whatever the umask.
    public var permissions: AccessPermissions
    /// Whose region is used when one is found.
    public var owner: TrustedOwner
    /// Whether all pages are there when the region is: otherwise each page costs a fault at its first touch, about 3
    /// microseconds. MAP_POPULATE, mmap(2); for System V segments and huge pages MADV_POPULATE_WRITE, madvise(2), where the
    /// kernel has it (Linux 5.14).
    public var isPrefaulted: Bool
    /// Whether to use larger pages.
    public var hugePages: HugePages
    /// Whether the pages stay in memory. mlock(2); RLIMIT_MEMLOCK bounds it.
    public var isLockedInMemory: Bool
    /// Whether ``SharedMemory/sweep(namesBeginningWith:)`` leaves the region alone when no process uses it. Regions with a layout only.
    public var isKeptWhenUnused: Bool
    /// Slots for processes, for regions that hold objects which notice the death of a process. 0: none.
    package var slotCount = 0
    /// Whether more seals may be put on an anonymous region after it was made.
    package var allowsMoreSeals = false
    /// Whether one that is found may have another size than it would be made with.
    package var takesAnySize = false
    /// Whether a region that is made here has its writer before anybody can find it: see `WriterClaim`.
    package var isClaimedByMaker = false
    /// Usable bytes, from the first on, that have their room from the beginning; nil: all. The rest is a hole, which the
    /// object in the region fills with `SharedMemory.allocate` before it touches it.
    package var allocatedByteCount: Int?
    /// Whether a region without a layout gets first contents, too: for files that another library has laid out.
    package var fillsPlainBytes = false

    /// Read and write for the owner alone, ordinary pages; change what differs.
    public init(
        access: SharedMemoryAccess = .readWrite, permissions: AccessPermissions = .ownerOnly,
        owner: TrustedOwner = .thisUserOrRoot, isPrefaulted: Bool = false, hugePages: HugePages = .none,
        isLockedInMemory: Bool = false, isKeptWhenUnused: Bool = false
    ) {
        self.access = access
        self.permissions = permissions
        self.owner = owner
        self.isPrefaulted = isPrefaulted
        self.hugePages = hugePages
        self.isLockedInMemory = isLockedInMemory
        self.isKeptWhenUnused = isKeptWhenUnused
    }
}
