public import IPCCore
import IPCSystem
import Synchronization

/// Three descriptors: the socket, the folder of its name, and the lock file with the lock. As state one byte (1, the
/// version), the device and the inode of the name (eight bytes each, little-endian), and the path. A listener without a
/// file, or whose file somebody else made, is one descriptor, and as state the byte 2.
extension SocketListener: DescriptorTransferable {
    /// Gives the listener away, with its name. It is closed here; who connects does not notice. Connections that were
    /// accepted stay.
    ///
    /// - Throws: `.closed`; `.invalidArgument` while a task accepts; `.resourceExhausted`.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        guard accepting.tryAcquire() else {
            if accepting.isClosed { throw .closed("transfer") }
            throw IPCError(.invalidArgument, "transfer: a task accepts connections; let it finish first")
        }
        let socket: PassedDescriptor
        do throws(IPCError) {
            socket = try PassedDescriptor(duplicating: stream.number)
        } catch {
            release()
            throw error
        }
        guard hasName else {
            close()
            release()
            return TransferredDescriptors(descriptors: [socket], state: [2])
        }
        guard let name = name.withLock({ $0.take() }) else {
            release()
            throw .closed("transfer")
        }
        let given = name.give()
        close()
        release()
        var state: [UInt8] = [1]
        for value in [given.device, given.inode] {
            for index in 0..<8 { state.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
        }
        return TransferredDescriptors(
            descriptors: [
                socket, PassedDescriptor(owning: given.directory), PassedDescriptor(owning: given.lock),
            ],
            state: state + Array((address.path ?? "").utf8))
    }

    /// The listener on the other side, with the usual options. See ``receive(_:options:)``.
    ///
    /// - Throws: `.decodingFailed` or `.invalidArgument` when this is no listener.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> SocketListener {
        try receive(transferred, options: SocketListenerOptions())
    }

    /// The listener on the other side. Whom it lets in, how many, and whether they may send descriptors is said anew; the
    /// permissions of its file and the length of its queue are what they were.
    ///
    /// Its name comes along where it is this user's and still leads to the socket that came with it; then it is removed
    /// when the listener ends. Otherwise the listener is taken without it, and nothing is ever removed: what another process
    /// says of a file is not believed.
    ///
    /// - Throws: `.decodingFailed` when this is not the state of a listener; `.invalidArgument` when a descriptor was taken
    ///   before, the socket is none, does not listen, carries datagrams, or listens elsewhere than at the path that came
    ///   with it.
    public static func receive(
        _ transferred: TransferredDescriptors, options: SocketListenerOptions
    ) throws(IPCError) -> SocketListener {
        try options.check()
        let state = transferred.state
        if state.first == 2 {
            guard transferred.descriptors.count == 1, state.count == 1 else {
                throw IPCError(.decodingFailed, "receive a listener: this is not the state of one")
            }
            return try SocketListener(adopting: transferred.descriptors[0], options: options)
        }
        guard transferred.descriptors.count == 3, state.count > 17, state[0] == 1 else {
            throw IPCError(.decodingFailed, "receive a listener: this is not the state of one")
        }
        let path = String(decoding: state[17...], as: UTF8.self)
        let socket = try transferred.descriptors[0].takeOpen(reads: true)
        let found = try ForeignListener(socket.number, "receive a listener")
        guard found.address.path == path else {
            throw IPCError(.invalidArgument, "receive a listener: the socket listens elsewhere", object: path)
        }
        guard let directory = transferred.descriptors[1].take() else {
            throw IPCError(.invalidArgument, "receive a listener: a descriptor was taken before")
        }
        let folder = OwnedDescriptor(owning: directory)
        guard let third = transferred.descriptors[2].take() else {
            throw IPCError(.invalidArgument, "receive a listener: a descriptor was taken before")
        }
        let lock = OwnedDescriptor(owning: third)
        let name = SocketName.ofGiver(
            path: path, directory: folder, lock: lock,
            device: number64(state[1..<9]), inode: number64(state[9..<17]))
        return try SocketListener(socket, found, name, options, "receive a listener")
    }

    private static func number64(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
