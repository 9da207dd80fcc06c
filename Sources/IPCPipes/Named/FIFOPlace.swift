import IPCCore
import IPCSystem

/// A FIFO that was found at a path and checked, or made there.
struct FIFOPlace: ~Copyable {
    private let file: CheckedFile
    let wasCreated: Bool

    var status: FileCalls.Status { file.status }

    consuming func release() -> OwnedDescriptor { file.release() }

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
                    "create a FIFO: \(CheckedFile.describe(path)) has that name; remove it, or open it if it is the right one",
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
        let made = FIFOPlace(file: try CheckedFile.look(path, "open a FIFO"), wasCreated: true)
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
        FIFOPlace(file: try CheckedFile.find(path, .fifo, owner, "open a FIFO"), wasCreated: false)
    }

    private borrowing func apply(_ permissions: AccessPermissions, _ path: String) throws(IPCError) {
        try file.apply(permissions, path, "set the permissions of a FIFO")
    }

    static func inodePath(_ number: Int32) -> String { CheckedFile.inodePath(number) }
}
