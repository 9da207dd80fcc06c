import IPCSystem

/// The folder for names that live as long as this user's session: sockets, FIFOs, lock files. Nobody else can enter it.
///
/// It is `$XDG_RUNTIME_DIR` where that is a folder of this user's alone, else `/tmp/swift-ipc-UID`, made with permissions
/// 0700 and checked for its owner each time. A program whose clients are other users chooses a folder of its own.
public enum RuntimeDirectory {
    /// The path of the folder, without a slash at its end.
    ///
    /// - Throws: `.permissionDenied` when the folder belongs to somebody else, is open to others or is a symbolic link:
    ///   somebody got there first, and the message says what to remove.
    public static func path() throws(IPCError) -> String {
        if let given = EnvironmentCalls.value(of: "XDG_RUNTIME_DIR"), given.hasPrefix("/"), isPrivate(given) {
            return given.count > 1 && given.hasSuffix("/") ? String(given.dropLast()) : given
        }
        return try privateDirectory(in: "/tmp")
    }

    /// The path of a file of this name in the folder.
    ///
    /// - Throws: `.invalidName` when the name is empty, `.` or `..`, or contains a slash or a zero byte; and as ``path()``.
    public static func path(ofFile name: String) throws(IPCError) -> String {
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(0), !name.utf8.contains(UInt8(ascii: "/"))
        else {
            throw IPCError(
                .invalidName,
                "a name in the runtime directory is one part of a path: not empty, no slash, no zero byte",
                object: name)
        }
        return try path() + "/" + name
    }

    /// `parent/swift-ipc-UID`, made unless it exists.
    package static func privateDirectory(in parent: String) throws(IPCError) -> String {
        let user = ProcessFacts.effectiveUser
        let path = "\(parent)/swift-ipc-\(user)"
        try requireKept(parent)
        do throws(SystemCallError) {
            try FileCalls.makeDirectory(path, permissions: 0o700)
            // A umask that takes rights from the owner, too: this user's own folder, in a folder where names are kept.
            if try FileCalls.status(at: path).permissions & 0o700 != 0o700 {
                try FileCalls.setPermissions(at: path, 0o700)
            }
        } catch {
            guard error.errno == Errno.exists else { throw IPCError(error, "make a runtime directory", object: path) }
        }
        guard isPrivate(path) else {
            throw IPCError(
                .permissionDenied,
                "the runtime directory is not a folder of user \(user) with permissions 0700: somebody made it first; "
                    + "remove it, or set XDG_RUNTIME_DIR", object: path)
        }
        return path
    }

    /// In a folder where everybody may write, names stay with their owners only if it is sticky.
    private static func requireKept(_ parent: String) throws(IPCError) {
        let status = try mapping("look for a runtime directory", object: parent) { () throws(SystemCallError) in
            let folder = try FileCalls.open(parent, [.pathOnly, .directory])
            return try FileCalls.status(of: folder.number)
        }
        guard status.permissions & 0o022 == 0 || status.permissions & 0o1000 != 0 else {
            throw IPCError(
                .permissionDenied,
                "everybody may rename what is in this folder: it lacks the sticky bit; set XDG_RUNTIME_DIR",
                object: parent)
        }
    }

    /// Whether `path` is a folder, no link, that this user alone may enter.
    private static func isPrivate(_ path: String) -> Bool {
        guard let status = try? FileCalls.status(at: path) else { return false }
        return status.kind == .directory && status.owner == ProcessFacts.effectiveUser
            && status.permissions & 0o077 == 0
    }
}
