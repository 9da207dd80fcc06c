import IPCCore
import IPCSystem

/// The name of a listening Unix socket in the file system, held by one process at a time.
///
/// - A name that somebody listens at is never taken: the lock file tells servers of this library from each other, and a
///   name that is there without a lock is tried with connect(2) first.
/// - A name that a dead server left is taken over.
/// - It is removed only while it is still the same file: device and inode are compared.
struct SocketName: ~Copyable {
    private static let rounds = 8

    private let path: String
    private let name: String
    private let directory: OwnedDescriptor
    private let lock: NameLock
    private let device: UInt64
    private let inode: UInt64

    /// Binds `socket` to `path` with exactly these permissions.
    init(binding socket: Int32, to path: String, _ permissions: AccessPermissions) throws(IPCError) {
        let (folder, name) = Self.split(path)
        let directory = try mapping("listen: open the folder; make it first", object: folder) {
            () throws(SystemCallError) in
            try FileCalls.open(folder, [.pathOnly, .directory])
        }
        let lock = try NameLock(name + NameLock.suffix, in: directory.number, for: path)
        let found: FileCalls.Status
        do throws(IPCError) {
            try Self.bind(socket, path, name, in: directory.number, permissions)
            found = try Self.settle(path, name, in: directory.number, permissions)
        } catch {
            lock.release()
            throw error
        }
        (device, inode) = (found.device, found.inode)
        self.path = path
        self.name = name
        self.directory = directory
        self.lock = lock
    }

    private init(
        path: String, directory: consuming OwnedDescriptor, lock: consuming NameLock, device: UInt64, inode: UInt64
    ) {
        self.path = path
        name = Self.split(path).name
        self.device = device
        self.inode = inode
        self.lock = lock
        self.directory = directory
    }

    /// A name that another process held and gave away; nil where that is not so, for all that this process can see: a socket
    /// of this user, the file that was meant, beside a lock file of this user that came along and holds the lock.
    ///
    /// Whoever gives the name says in which folder it is, so a stranger could name a file that he may not remove himself.
    /// He cannot open this user's lock file for writing.
    static func ofGiver(
        path: String, directory: consuming OwnedDescriptor, lock: consuming OwnedDescriptor, device: UInt64,
        inode: UInt64
    ) -> SocketName? {
        let name = split(path).name
        guard let found = try? NameCalls.status(of: name, in: directory.number), found.kind == .socket,
            found.owner == ProcessFacts.effectiveUser, found.device == device, found.inode == inode,
            let held = NameLock.ofGiver(name + NameLock.suffix, in: directory.number, file: lock)
        else { return nil }
        return SocketName(path: path, directory: directory, lock: held, device: device, inode: inode)
    }

    /// What another process needs to hold the name: the folder, the lock file, and which file the name is.
    consuming func give() -> (directory: Int32, lock: Int32, device: UInt64, inode: UInt64) {
        let (device, inode) = (device, inode)
        return (directory.release(), lock.give(), device, inode)
    }

    /// Removes the name and frees it for others. The socket still listens meanwhile, so that nobody finds the name dead.
    consuming func remove() {
        if let found = try? NameCalls.status(of: name, in: directory.number), found.kind == .socket,
            found.device == device, found.inode == inode
        {
            // A name that cannot be removed is stale from now on, and the next server takes it over.
            _ = try? NameCalls.unlink(name, in: directory.number)
        }
        lock.release()
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
    }

    // MARK: Binding

    private static func bind(
        _ socket: Int32, _ path: String, _ name: String, in directory: Int32, _ permissions: AccessPermissions
    ) throws(IPCError) {
        try mapping("listen: set the permissions", object: path) { () throws(SystemCallError) in
            // The file gets the socket's own mode less the umask: so it is at no moment more open than was asked.
            try FileCalls.setPermissions(socket, permissions.rawValue)
        }
        for _ in 0..<rounds {
            do throws(SystemCallError) {
                return try SocketCalls.bindUnix(socket, path: path)
            } catch {
                guard error.errno == Errno.addressInUse else { throw IPCError(error, "listen", object: path) }
            }
            try removeIfDead(path, name, in: directory)
        }
        throw IPCError(.addressInUse, "listen: other processes come and go at this address; try again", object: path)
    }

    /// Gives the file the permissions that the umask took away. Before listen(2), so nobody can connect yet.
    private static func settle(
        _ path: String, _ name: String, in directory: Int32, _ permissions: AccessPermissions
    ) throws(IPCError) -> FileCalls.Status {
        let file = try mapping("listen: look at the new socket", object: path) { () throws(SystemCallError) in
            try NameCalls.open(name, in: directory, [.pathOnly, .noFollow])
        }
        return try mapping("listen: set the permissions", object: path) { () throws(SystemCallError) in
            let found = try FileCalls.status(of: file.number)
            // Somebody moved another file here, in a folder where he may: not ours to change.
            guard found.kind == .socket, found.owner == ProcessFacts.effectiveUser else {
                throw SystemCallError(.bind, Errno.notPermitted)
            }
            guard found.permissions != permissions.rawValue else { return found }
            do throws(SystemCallError) {
                try NameCalls.setPermissions(ofPathDescriptor: file.number, permissions.rawValue)
            } catch {
                // Nobody will listen there: the name would be in the way of the next one.
                if let now = try? NameCalls.status(of: name, in: directory), now.device == found.device,
                    now.inode == found.inode
                {
                    _ = try? NameCalls.unlink(name, in: directory)
                }
                throw error
            }
            return found
        }
    }

    // MARK: Taking over

    /// Makes room if a dead server left the name, and throws if it did not.
    private static func removeIfDead(_ path: String, _ name: String, in directory: Int32) throws(IPCError) {
        // Held open, so that its inode's number does not come to another file meanwhile.
        guard let file = try held(path, name, in: directory) else { return }
        let found = try mapping("listen: look at what is there", object: path) { () throws(SystemCallError) in
            try FileCalls.status(of: file.number)
        }
        switch found.kind {
        case .socket: break
        case .symbolicLink: throw squatted(.permissionDenied, path, "is a symbolic link")
        default: throw squatted(.alreadyExists, path, "is not a socket")
        }
        guard found.owner == ProcessFacts.effectiveUser else {
            throw squatted(.permissionDenied, path, "belongs to user \(found.owner)")
        }
        guard try isDead(path) else {
            throw IPCError(
                .addressInUse, "listen: another process listens there; stop it or choose another address", object: path)
        }
        // The name may have come to somebody else since it was looked at.
        try mapping("listen: remove the name that a dead server left", object: path) { () throws(SystemCallError) in
            guard let now = try NameCalls.status(of: name, in: directory), now.device == found.device,
                now.inode == found.inode
            else { return }
            _ = try NameCalls.unlink(name, in: directory)
        }
    }

    private static func held(
        _ path: String, _ name: String, in directory: Int32
    ) throws(IPCError) -> OwnedDescriptor? {
        do throws(SystemCallError) {
            return try NameCalls.open(name, in: directory, [.pathOnly, .noFollow])
        } catch {
            if error.errno == Errno.notFound { return nil }
            throw IPCError(error, "listen: look at what is there", object: path)
        }
    }

    /// Whether nobody listens at `path`.
    private static func isDead(_ path: String) throws(IPCError) -> Bool {
        let probe = try mapping("listen: look whether somebody listens", object: path) { () throws(SystemCallError) in
            try SocketCalls.makeUnixSocket(.stream)
        }
        do throws(SystemCallError) {
            // A full queue is somebody's, too.
            _ = try SocketCalls.connectUnix(probe.number, path: path)
            return false
        } catch {
            switch error.errno {
            case Errno.connectionRefused: return true
            case Errno.protocolWrongType: return false
            case Errno.notFound: return true
            default: throw IPCError(error, "listen: look whether somebody listens", object: path)
            }
        }
    }

    private static func squatted(_ code: IPCError.Code, _ path: String, _ what: String) -> IPCError {
        IPCError(
            code, "listen: what is there \(what); look who put it there, and remove it or choose another folder",
            object: path)
    }
}
