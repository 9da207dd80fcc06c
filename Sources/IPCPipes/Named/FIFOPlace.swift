import IPCCore
import IPCSystem

/// A FIFO that was found at a path and checked: from here on its inode counts, not the path.
struct FIFOPlace: ~Copyable {
    private let descriptor: OwnedDescriptor
    let status: FileCalls.Status
    let wasCreated: Bool

    consuming func release() -> OwnedDescriptor { descriptor }

    /// How often a name may vanish between finding that it is there and looking at it.
    private static let attempts = 100

    static func take(
        _ path: String, _ intent: CreationIntent, _ permissions: AccessPermissions, _ owner: TrustedOwner
    ) throws(IPCError) -> FIFOPlace {
        try PathRules.check(path, "open a FIFO")
        switch intent {
        case .create:
            guard let made = try make(path, permissions) else {
                throw IPCError(
                    .alreadyExists,
                    "create a FIFO: \(describe(path)) has that name; remove it, or open it if it is the right one",
                    object: path)
            }
            return made
        case .open:
            return try find(path, owner)
        case .openOrCreate:
            for _ in 0..<attempts {
                if let made = try make(path, permissions) { return made }
                do throws(IPCError) {
                    let found = try find(path, owner)
                    try found.apply(permissions, path)
                    return found
                } catch {
                    guard error.code == .notFound else { throw error }
                }
            }
            throw IPCError(
                .notFound, "open a FIFO: the name comes and goes; somebody else creates and removes it", object: path)
        }
    }

    /// nil when something has that name.
    private static func make(_ path: String, _ permissions: AccessPermissions) throws(IPCError) -> FIFOPlace? {
        do throws(SystemCallError) {
            try FileCalls.makeFIFO(path, permissions: permissions.rawValue)
        } catch {
            if error.errno == Errno.exists { return nil }
            if error.errno == Errno.notFound {
                throw IPCError(
                    .notFound, "create a FIFO: its folder does not exist; make the folder first", object: path,
                    systemCall: error.call.rawValue, errno: error.errno)
            }
            throw IPCError(error, "create a FIFO", object: path)
        }
        // The umask may have taken bits away. Nobody else's FIFO can be here: the name was free, and what we look at is
        // checked to be a FIFO of ours.
        let made = try look(path, wasCreated: true)
        guard made.status.kind == .fifo, made.status.owner == ProcessFacts.effectiveUser else {
            throw IPCError(
                .permissionDenied,
                "create a FIFO: somebody replaced it at once; use a folder that only you may write to",
                object: path)
        }
        try made.apply(permissions, path)
        return made
    }

    private static func find(_ path: String, _ owner: TrustedOwner) throws(IPCError) -> FIFOPlace {
        let found = try look(path, wasCreated: false)
        switch found.status.kind {
        case .fifo: break
        case .symbolicLink:
            throw IPCError(
                .permissionDenied,
                "open a FIFO: a symbolic link stands there, and none is followed; give the path itself",
                object: path)
        default:
            throw IPCError(
                .alreadyExists, "open a FIFO: \(found.status.kind.phrase) has that name; choose another", object: path)
        }
        guard owner.includes(found.status.owner) else {
            throw IPCError(
                .permissionDenied,
                "open a FIFO: it belongs to user \(found.status.owner), who is not trusted; name that owner if it is meant",
                object: path)
        }
        return found
    }

    private static func look(_ path: String, wasCreated: Bool) throws(IPCError) -> FIFOPlace {
        try mapping("open a FIFO", object: path) { () throws(SystemCallError) in
            let descriptor = try FileCalls.open(path, [.pathOnly, .noFollow])
            let status = try FileCalls.status(of: descriptor.number)
            return FIFOPlace(descriptor: descriptor, status: status, wasCreated: wasCreated)
        }
    }

    /// Sets the permissions of a FIFO that belongs to this user, unless they are as asked already: those of one that was
    /// made here, or by a process that died before it came to that.
    private borrowing func apply(_ permissions: AccessPermissions, _ path: String) throws(IPCError) {
        guard status.owner == ProcessFacts.effectiveUser, status.permissions != permissions.rawValue else { return }
        let inodePath = Self.inodePath(descriptor.number)
        try mapping("set the permissions of a FIFO", object: path) { () throws(SystemCallError) in
            try FileCalls.setPermissions(at: inodePath, permissions.rawValue)
        }
    }

    static func inodePath(_ number: Int32) -> String { "/proc/self/fd/\(number)" }

    private static func describe(_ path: String) -> String {
        (try? FileCalls.status(at: path))?.kind.phrase ?? "something"
    }
}

extension FileCalls.Kind {
    fileprivate var phrase: String {
        switch self {
        case .regular: "a regular file"
        case .directory: "a folder"
        case .symbolicLink: "a symbolic link"
        case .fifo: "a FIFO"
        case .socket: "a socket"
        case .other: "a device"
        }
    }
}
