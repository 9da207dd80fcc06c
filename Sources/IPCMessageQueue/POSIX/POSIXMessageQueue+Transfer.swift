public import IPCCore
import IPCSystem

/// One descriptor; as state one byte for the version, one for the access, then the name.
extension POSIXMessageQueue: DescriptorTransferable {
    private static let stateVersion: UInt8 = 1

    /// Gives the queue to another process, which needs neither its name nor permission to open it. This object is closed;
    /// messages stay in the queue.
    ///
    /// - Throws: `.closed`; `.resourceExhausted` when no descriptor is free.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        let copy = try stream.withNumber("transfer") { number throws(IPCError) in
            try PassedDescriptor(duplicating: number)
        }
        let code: UInt8 =
            switch access {
            case .sendAndReceive: 0
            case .send: 1
            case .receive: 2
            }
        let state = [Self.stateVersion, code] + Array(name.utf8)
        close()
        return TransferredDescriptors(descriptors: [copy], state: state)
    }

    /// Takes over a queue that another process gave away.
    ///
    /// - Throws: `.decodingFailed` or `.invalidArgument` when it is none.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> Self {
        let state = transferred.state
        guard state.count >= 2, state[0] == stateVersion, state[1] <= 2, state.count <= 2 + 256 else {
            throw IPCError(.decodingFailed, "receive a POSIX queue: this is not the state of one")
        }
        guard transferred.descriptors.count == 1 else {
            throw IPCError(.invalidArgument, "receive a POSIX queue: it has one descriptor")
        }
        let access: QueueAccess = [.sendAndReceive, .send, .receive][Int(state[1])]
        let descriptor = try transferred.descriptors[0].takeOpen(reads: access.receives)
        let number = descriptor.number
        let mode = try mapping("receive a POSIX queue") { () throws(SystemCallError) in
            try DescriptorCalls.accessMode(number)
        }
        guard mode.writes || !access.sends else {
            throw IPCError(.invalidArgument, "receive a POSIX queue: it was not opened for sending")
        }
        return try Self(
            descriptor, name: String(decoding: state.dropFirst(2), as: UTF8.self), access: access, wasCreated: false)
    }
}
