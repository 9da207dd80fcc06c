public import IPCCore
import IPCSystem

/// No descriptor; as state one byte for the version, one for what happens with oversized messages, four for the number, four
/// for the key and eight for the largest message.
extension SystemVMessageQueue: DescriptorTransferable {
    private static let stateVersion: UInt8 = 1
    private static let stateSize = 18

    /// Gives the queue to another process of this IPC namespace, which needs permission to use it. This object is closed;
    /// messages stay in the queue.
    ///
    /// - Throws: `.closed`.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        try calls.checkOpen("transfer")
        var state: [UInt8] = [Self.stateVersion, oversizedMessages == .truncate ? 1 : 0]
        state.append(littleEndian: UInt64(UInt32(bitPattern: identifier)), 4)
        state.append(littleEndian: UInt64(UInt32(bitPattern: key?.rawValue ?? 0)), 4)
        state.append(littleEndian: UInt64(maximumMessageSize), 8)
        close()
        return TransferredDescriptors(descriptors: [], state: state)
    }

    /// Takes over a queue that another process gave away.
    ///
    /// - Throws: `.decodingFailed` when it is none; `.notFound`, `.permissionDenied`.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> Self {
        let state = transferred.state
        guard state.count == stateSize, state[0] == stateVersion, state[1] <= 1, transferred.descriptors.isEmpty else {
            throw IPCError(.decodingFailed, "receive a System V queue: this is not the state of one")
        }
        let options = SystemVQueueOptions(
            maximumMessageSize: Int(clamping: state.integer(at: 10, 8)),
            oversizedMessages: state[1] == 1 ? .truncate : .refuse,
            // Whoever gave it away has chosen whose it may be.
            owner: .anyone)
        return try Self(
            identifier: Int32(bitPattern: UInt32(truncatingIfNeeded: state.integer(at: 2, 4))), options: options)
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian value: UInt64, _ count: Int) {
        for index in 0..<count { append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))) }
    }

    fileprivate func integer(at offset: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(self[offset + $1]) << (8 * UInt64($1)) }
    }
}
