import IPCSystem

/// Giving a sending end away, and going on with it on the other side. See `StreamReceiver.beginTransfer`.
extension StreamSender {
    /// - Throws: `.closed`; `.finished`; `.invalidArgument` when another task sends or the rest of a message is still on
    ///   its way; what broke the stream; `.resourceExhausted` when no descriptor is free.
    package func beginTransfer() throws(IPCError) -> TransferredDescriptors {
        guard lock.tryAcquire() else {
            if lock.isClosed { throw .closed("transfer") }
            throw IPCError(
                .invalidArgument,
                "transfer: another task sends, or the rest of a message is on its way; let it finish first")
        }
        do throws(IPCError) {
            try checkState()
            let state = StreamSenderState(options: options, needsHello: needsHello)
            let copy = try PassedDescriptor(duplicating: stream.number)
            return TransferredDescriptors(descriptors: [copy], state: state.encoded)
        } catch {
            release()
            throw error
        }
    }

    /// This end is gone from here. After `beginTransfer`.
    package func completeTransfer() {
        close()
        release()
    }

    /// This end stays. After `beginTransfer`.
    package func abandonTransfer() { release() }

    /// A sender that goes on where `state` left off, on a descriptor that is taken over.
    ///
    /// - Throws: `.decodingFailed` when `state` is not that of a sender; `.invalidArgument` when `descriptors` is not the
    ///   one that belongs to it, or was taken.
    package static func restore(
        _ descriptors: [PassedDescriptor], _ state: [UInt8], kind: StreamDescriptor.Kind
    ) throws(IPCError) -> StreamSender {
        let state = try StreamSenderState(decoding: state)
        guard descriptors.count == 1 else {
            throw IPCError(.invalidArgument, "receive a channel end: a sending end has one descriptor")
        }
        let number = try descriptors[0].takeOpen(reads: false)
        return restore(try StreamDescriptor(number, kind: kind, uses: 1), state)
    }

    /// The same on a descriptor that is shared with a receiver, with `limits` that are this side's own.
    package static func restore(
        _ stream: StreamDescriptor, _ state: [UInt8], within limits: StreamOptions
    ) throws(IPCError) -> StreamSender {
        var state = try StreamSenderState(decoding: state)
        state.options = try state.options.within(limits)
        return restore(stream, state)
    }

    private static func restore(_ stream: StreamDescriptor, _ state: StreamSenderState) -> StreamSender {
        let sender = StreamSender(stream, state.options)
        sender.needsHello = state.needsHello && state.options.framing != .none
        return sender
    }
}
