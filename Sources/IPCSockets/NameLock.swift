import IPCCore
import IPCSystem

/// The lock file beside a socket's name: whoever holds it may take over, bind and remove that name.
///
/// The kernel frees the lock when its holder dies. The file goes with its last holder: who takes the lock looks whether
/// the file is still the one of that name, and otherwise starts again. So two holders never hold two files at once.
struct NameLock: ~Copyable {
    private static let rounds = 64

    private let directory: Int32
    private let name: String
    private let file: OwnedDescriptor

    /// Takes the lock called `name` in `directory`, which outlives the lock, for the socket at `path`.
    ///
    /// - Throws: `.addressInUse` when another process holds it, `.permissionDenied` or `.alreadyExists` when something
    ///   else stands there.
    init(_ name: String, in directory: Int32, for path: String) throws(IPCError) {
        self.directory = directory
        self.name = name
        for _ in 0..<Self.rounds {
            let file = try Self.open(name, in: directory, path)
            let isCurrent = try mapping("listen: take the lock file", object: path + Self.suffix) {
                () throws(SystemCallError) -> Bool? in
                guard try FileCalls.tryLock(file.number) else { return nil }
                let own = try FileCalls.status(of: file.number)
                guard let named = try NameCalls.status(of: name, in: directory) else { return false }
                return named.device == own.device && named.inode == own.inode
            }
            guard let isCurrent else {
                throw IPCError(
                    .addressInUse, "listen: another process listens there; stop it or choose another address",
                    object: path)
            }
            if isCurrent {
                self.file = file
                return
            }
        }
        throw IPCError(.addressInUse, "listen: other processes come and go at this address; try again", object: path)
    }

    private init(_ name: String, in directory: Int32, file: consuming OwnedDescriptor) {
        self.directory = directory
        self.name = name
        self.file = file
    }

    /// A lock that another process took and gave away with its file; nil where that is not so: a file of this user that is
    /// open for writing, has the name, and holds the lock.
    static func ofGiver(_ name: String, in directory: Int32, file: consuming OwnedDescriptor) -> NameLock? {
        let number = file.number
        guard let mode = try? DescriptorCalls.accessMode(number), mode.writes,
            let own = try? FileCalls.status(of: number), own.kind == .regular,
            own.owner == ProcessFacts.effectiveUser, isCurrent(number, name, in: directory),
            (try? FileCalls.tryLock(number)) == true
        else { return nil }
        return NameLock(name, in: directory, file: file)
    }

    /// Whether `name` still stands for the file.
    private static func isCurrent(_ file: Int32, _ name: String, in directory: Int32) -> Bool {
        guard let own = try? FileCalls.status(of: file),
            let named = try? NameCalls.status(of: name, in: directory)
        else { return false }
        return named.device == own.device && named.inode == own.inode
    }

    static let suffix = ".lock"

    private static func open(_ name: String, in directory: Int32, _ path: String) throws(IPCError) -> OwnedDescriptor {
        let file = try create(name, in: directory, path)
        let status = try mapping("listen: open the lock file", object: path + suffix) { () throws(SystemCallError) in
            try FileCalls.status(of: file.number)
        }
        guard status.kind == .regular else { throw squatted(.alreadyExists, path, "is not a file") }
        guard status.owner == ProcessFacts.effectiveUser else {
            throw squatted(.permissionDenied, path, "belongs to user \(status.owner)")
        }
        return file
    }

    private static func create(
        _ name: String, in directory: Int32, _ path: String
    ) throws(IPCError) -> OwnedDescriptor {
        do throws(SystemCallError) {
            return try NameCalls.open(name, in: directory, [.readWrite, .create, .noFollow, .nonblocking])
        } catch {
            throw openFailure(error, path)
        }
    }

    private static func openFailure(_ error: SystemCallError, _ path: String) -> IPCError {
        switch error.errno {
        case Errno.tooManySymbolicLinks: squatted(.permissionDenied, path, "is a symbolic link")
        case Errno.isDirectory, Errno.noSuchDevice: squatted(.alreadyExists, path, "is not a file")
        default: IPCError(error, "listen: open the lock file", object: path + suffix)
        }
    }

    private static func squatted(_ code: IPCError.Code, _ path: String, _ what: String) -> IPCError {
        IPCError(
            code, "listen: the lock file \(what); look who put it there, and remove it or choose another folder",
            object: path + suffix)
    }

    /// The file, with the lock, for another process.
    consuming func give() -> Int32 { file.release() }

    /// Removes the file, if it still has its name, and frees the lock.
    ///
    /// The lock is released explicitly, because a child between clone and exec may hold a duplicate of the descriptor.
    consuming func release() {
        // A file that cannot be removed stays behind, which does no harm: the next one takes it over.
        if Self.isCurrent(file.number, name, in: directory) { _ = try? NameCalls.unlink(name, in: directory) }
        try? NameCalls.unlock(file.number)
    }
}
