package import IPCSystem

/// A name in the file system that was looked at and checked: from here on its inode counts, not the path.
///
/// What stands there is held by a descriptor that opens nothing (O_PATH, open(2)), so that nobody can slide another file
/// under a check.
package struct CheckedFile: ~Copyable {
    package let descriptor: OwnedDescriptor
    package let status: FileCalls.Status

    package consuming func release() -> OwnedDescriptor { descriptor }

    /// A path that leads to this inode whatever becomes of the name. proc(5).
    package var inodePath: String { Self.inodePath(descriptor.number) }

    package static func inodePath(_ number: Int32) -> String { "/proc/self/fd/\(number)" }

    /// What has the name, of any kind and owner. A symbolic link is not followed.
    package static func look(_ path: String, _ doing: String) throws(IPCError) -> CheckedFile {
        try mapping(doing, object: path) { () throws(SystemCallError) in
            let descriptor = try FileCalls.open(path, [.pathOnly, .noFollow])
            let status = try FileCalls.status(of: descriptor.number)
            return CheckedFile(descriptor: descriptor, status: status)
        }
    }

    /// What has the name, if it is of that kind and belongs to somebody who is trusted.
    ///
    /// - Throws: `.notFound`; `.permissionDenied` for a symbolic link and for a foreign owner; `.alreadyExists` for
    ///   something of another kind.
    package static func find(
        _ path: String, _ kind: FileCalls.Kind, _ owner: TrustedOwner, _ doing: String
    ) throws(IPCError) -> CheckedFile {
        let found = try look(path, doing)
        switch found.status.kind {
        case kind: break
        case .symbolicLink:
            throw IPCError(
                .permissionDenied,
                "\(doing): a symbolic link stands there, and none is followed; give the path itself", object: path)
        default:
            throw IPCError(
                .alreadyExists, "\(doing): \(found.status.kind.phrase) has that name; choose another", object: path)
        }
        guard owner.includes(found.status.owner) else {
            throw IPCError(
                .permissionDenied,
                "\(doing): it belongs to user \(found.status.owner), who is not trusted; name that owner if it is meant",
                object: path)
        }
        return found
    }

    /// Sets the permissions of what belongs to this user, unless they are as asked already: what was made here, or by a
    /// process that died before it came to that.
    package borrowing func apply(
        _ permissions: AccessPermissions, _ path: String, _ doing: String
    ) throws(IPCError) {
        guard status.owner == ProcessFacts.effectiveUser, status.permissions != permissions.rawValue else { return }
        let inodePath = inodePath
        try mapping(doing, object: path) { () throws(SystemCallError) in
            try FileCalls.setPermissions(at: inodePath, permissions.rawValue)
        }
    }

    /// What an error says of the thing that has the name.
    package static func describe(_ path: String) -> String {
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
