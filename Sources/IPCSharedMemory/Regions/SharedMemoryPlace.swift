/// Where a region of shared memory lies, and so who can find it and how long it stays.
///
/// | place | found by | stays until |
/// |---|---|---|
/// | ``anonymous`` | whoever is given it: over a socket, at spawn | the last process lets go of it |
/// | ``named(_:)`` | its name | it is removed, or the machine stops |
/// | ``file(_:)`` | its path | the file is removed: it outlives the machine's reboot |
/// | ``segment(key:)`` | its System V key | it is removed, or the machine stops |
public struct SharedMemoryPlace: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case anonymous
        case named(String)
        case file(String)
        case segment(Int32)
    }

    let kind: Kind

    /// Memory without a name. memfd_create(2); its size is sealed, so that nobody can take the memory away.
    public static let anonymous = SharedMemoryPlace(kind: .anonymous)

    /// Memory with a name, 1 to 249 bytes without `/` and without a leading dot. shm_open(3), in /dev/shm.
    public static func named(_ name: String) -> SharedMemoryPlace { SharedMemoryPlace(kind: .named(name)) }

    /// A file that is mapped. Choose a folder that only its owner may write to, and no network file system.
    public static func file(_ path: String) -> SharedMemoryPlace { SharedMemoryPlace(kind: .file(path)) }

    /// A System V segment, for programs that use those: shmget(2). The key is not 0 (IPC_PRIVATE).
    public static func segment(key: Int32) -> SharedMemoryPlace { SharedMemoryPlace(kind: .segment(key)) }

    /// What errors call it.
    var description: String {
        switch kind {
        case .anonymous: "anonymous memory"
        case .named(let name): "shared memory \(name)"
        case .file(let path): path
        case .segment(let key): "segment with key \(key)"
        }
    }

    /// Whether it outlives the machine's reboot.
    package var isFile: Bool {
        if case .file = kind { return true }
        return false
    }

    /// Whether it is a System V segment, which has no file.
    package var isSegment: Bool {
        if case .segment = kind { return true }
        return false
    }

    /// What errors of other modules call it.
    package var name: String { description }
}
