public import IPCCore

/// One descriptor, and as state one byte for how the end is seen (`ChannelGuarantees.Topology`) before that of the
/// receiver: what was read and not delivered goes along.
extension PipeReader: DescriptorTransferable {
    /// Gives the reading end away, with what it has read and not delivered. It is closed here.
    ///
    /// - Throws: `.closed`; `.invalidArgument` while another task receives; `.resourceExhausted`; what broke the stream.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        let given = try beginTransfer()
        receiver.completeTransfer()
        return given
    }

    func beginTransfer() throws(IPCError) -> TransferredDescriptors {
        var given = try receiver.beginTransfer()
        given.state.insert(guarantees.topology == .queue ? 1 : 0, at: 0)
        return given
    }

    /// The reading end on the other side. Without any state it is a pipe of bytes that something else made.
    ///
    /// - Throws: `.decodingFailed` or `.invalidArgument` when this is no reading end of a pipe.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> PipeReader {
        if transferred.state.isEmpty && transferred.descriptors.count == 1 {
            return try PipeReader(adopting: transferred.descriptors[0])
        }
        guard let seen = transferred.state.first, seen <= 1, transferred.descriptors.count == 1 else {
            throw IPCError(.decodingFailed, "receive a pipe: this is not the state of a reading end")
        }
        let receiver = try StreamReceiver.restore(
            transferred.descriptors, Array(transferred.state.dropFirst()), kind: .pipe)
        return PipeReader(receiver, topology: seen == 1 ? .queue : .link)
    }
}

/// One descriptor.
extension PipeWriter: DescriptorTransferable {
    /// Gives the writing end away. It is closed here, which the reader does not notice.
    ///
    /// - Throws: `.closed`; `.finished`; `.invalidArgument` while another task sends or the rest of a message is on its
    ///   way; `.resourceExhausted`; what broke the stream.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        let given = try sender.beginTransfer()
        sender.completeTransfer()
        return given
    }

    /// The writing end on the other side. Without any state it is a pipe of bytes that something else made.
    ///
    /// - Throws: `.decodingFailed` or `.invalidArgument` when this is no writing end of a pipe.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> PipeWriter {
        if transferred.state.isEmpty && transferred.descriptors.count == 1 {
            return try PipeWriter(adopting: transferred.descriptors[0])
        }
        return PipeWriter(try StreamSender.restore(transferred.descriptors, transferred.state, kind: .pipe))
    }
}

/// Two descriptors, reading before writing; as state one byte with the length of the writer's, that, and the reader's.
extension PipeChannel: DescriptorTransferable {
    /// Gives the channel away, with what it has read and not delivered. Both its ends are closed here, or none.
    ///
    /// - Throws: as ``PipeReader/transfer()`` and ``PipeWriter/transfer()``.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        let incoming = try reader.beginTransfer()
        let outgoing: TransferredDescriptors
        do throws(IPCError) {
            outgoing = try writer.sender.beginTransfer()
        } catch {
            reader.receiver.abandonTransfer()
            throw error
        }
        reader.receiver.completeTransfer()
        writer.sender.completeTransfer()
        return TransferredDescriptors(
            descriptors: incoming.descriptors + outgoing.descriptors,
            state: [UInt8(outgoing.state.count)] + outgoing.state + incoming.state)
    }

    /// The channel on the other side.
    ///
    /// - Throws: `.decodingFailed` or `.invalidArgument` when this is no channel of two pipes.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> PipeChannel {
        let (descriptors, state) = (transferred.descriptors, transferred.state)
        guard descriptors.count == 2, let length = state.first.map(Int.init), length > 0, state.count > 1 + length
        else {
            throw IPCError(.decodingFailed, "receive a pipe channel: this is not the state of one")
        }
        let outgoing = TransferredDescriptors(
            descriptors: [descriptors[1]], state: Array(state.dropFirst().prefix(length)))
        let incoming = TransferredDescriptors(descriptors: [descriptors[0]], state: Array(state.dropFirst(1 + length)))
        return PipeChannel(reader: try PipeReader.receive(incoming), writer: try PipeWriter.receive(outgoing))
    }
}
