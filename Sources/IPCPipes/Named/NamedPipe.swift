public import IPCCore
import IPCSystem
import Synchronization

/// A pipe with a name in the file system (a FIFO): processes that know the path meet there. mkfifo(3), fifo(7).
///
/// ```swift
/// // The server
/// let requests = try NamedPipe("/run/user/1000/app/requests", .create)
/// let reader = try requests.openReader(options: PipeOptions(framing: .messagesFromManyWriters), endOfInput: .never)
/// for try await request in reader.incoming { handle(request) }
///
/// // A client
/// let requests = try NamedPipe("/run/user/1000/app/requests", .open)
/// let writer = try await requests.openWriter(options: PipeOptions(framing: .messagesFromManyWriters))
/// try await writer.send([1, 2, 3])
/// ```
///
/// - **Opening never blocks a thread.** ``openReader(options:endOfInput:)`` returns at once, whether there is a writer or not;
///   ``openWriter(options:until:)`` suspends until there is a reader, with deadline and cancellation; ``tryOpenWriter(options:)``
///   does not wait. Two processes that open two FIFOs in any order do not lock each other up.
/// - **One reader.** Bytes go to one reader each, so a second reader would take messages away from the first.
///   Any number of writers may share the FIFO with ``PipeFraming/messagesFromManyWriters``.
/// - **The name** is checked before it is used: a symbolic link, a regular file, a socket or a FIFO of an owner that is
///   not trusted is a typed error, and the FIFO that was checked is the one that is opened (by its inode, not by the path
///   again).
/// - **Permissions** are exactly those that were asked for, whatever the umask; between creation and that moment they are
///   narrower, never wider.
/// - **Removal.** Whoever created the name removes it, with ``remove()`` or when neither this object nor an end that it
///   opened is there any more, and only if it is still the same FIFO (device and inode). Ends that are open stay open.
public final class NamedPipe: Sendable {
    /// The path, as given.
    public let path: String
    /// Whether this object made the FIFO, and so removes it.
    public let isCreator: Bool

    /// The FIFO itself: a descriptor that can only be opened again, not read. O_PATH, open(2).
    private let place: OwnedDescriptor
    private let device: UInt64
    private let inode: UInt64
    private let removesName: Atomic<Bool>

    /// Makes a FIFO, or finds one.
    ///
    /// - Parameters:
    ///   - path: where. Choose a folder that only its owner may write to.
    ///   - intent: whether to make it.
    ///   - permissions: who may open it: for what is made here, and for what is found with `.openOrCreate` and belongs to
    ///     this user. With `.open` they are left alone.
    ///   - owner: whose FIFO is used when one is found.
    /// - Throws: `.alreadyExists` when the name is taken (by anything with `.create`, by something that is no FIFO
    ///   otherwise); `.notFound` when there is no FIFO or no such folder; `.invalidName` when the path is empty, too long
    ///   or has a zero byte; `.permissionDenied` when the folder may not be written or searched, when a symbolic link
    ///   stands there, or when the owner is not trusted.
    public init(
        _ path: String, _ intent: CreationIntent = .openOrCreate, permissions: AccessPermissions = .ownerOnly,
        owner: TrustedOwner = .thisUserOrRoot
    ) throws(IPCError) {
        let found = try FIFOPlace.take(path, intent, permissions, owner)
        self.path = path
        isCreator = found.wasCreated
        device = found.status.device
        inode = found.status.inode
        removesName = Atomic(found.wasCreated)
        place = found.release()
    }

    deinit { remove() }

    /// Removes the name if this object made it and it still is this FIFO. Idempotent. Open ends go on. unlink(2).
    public func remove() {
        guard removesName.exchange(false, ordering: .acquiringAndReleasing), isInPlace else { return }
        try? FileCalls.unlink(path)
    }

    /// Leaves the name in place when this object goes: for a FIFO that is to outlive its maker.
    public func keepName() { removesName.store(false, ordering: .releasing) }

    /// Whether the path still names this FIFO.
    public var isInPlace: Bool {
        guard let status = try? FileCalls.status(at: path) else { return false }
        return status.device == device && status.inode == inode
    }

    /// Who may open it now.
    public var permissions: AccessPermissions {
        get throws(IPCError) {
            let status = try mapping("look at a FIFO", object: path) { () throws(SystemCallError) in
                try FileCalls.status(of: place.number)
            }
            return AccessPermissions(rawValue: status.permissions)
        }
    }

    /// A path that leads to this FIFO whatever has become of its name. proc(5).
    var inodePath: String { FIFOPlace.inodePath(place.number) }
}

/// Makes a FIFO, or finds one, for as long as `body` runs; its name is removed afterwards if it was made here.
public func withNamedPipe<Result, Failure: Error>(
    _ path: String, _ intent: CreationIntent = .create, permissions: AccessPermissions = .ownerOnly,
    owner: TrustedOwner = .thisUserOrRoot, _ body: (NamedPipe) async throws(Failure) -> Result
) async throws(ChannelBodyError<Failure>) -> Result {
    let pipe: NamedPipe
    do throws(IPCError) {
        pipe = try NamedPipe(path, intent, permissions: permissions, owner: owner)
    } catch {
        throw .channel(error)
    }
    defer { pipe.remove() }
    do throws(Failure) {
        return try await body(pipe)
    } catch {
        throw .body(error)
    }
}
