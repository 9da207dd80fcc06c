package import IPCSystem

/// Giving a receiving end away, and going on with it on the other side.
///
/// `beginTransfer` takes the lock and makes the object that travels; `completeTransfer` closes this end, and
/// `abandonTransfer` leaves it as it was, for ends that only go together with others.
extension StreamReceiver {
    /// - Throws: `.closed`; `.invalidArgument` when another task receives, or descriptors wait to be received; what ended the stream if it failed;
    ///   `.resourceExhausted` when no descriptor is free.
    package func beginTransfer() throws(IPCError) -> TransferredDescriptors {
        guard lock.tryAcquire() else {
            if lock.isClosed { throw .closed("transfer") }
            throw IPCError(.invalidArgument, "transfer: another task receives from this end; let it finish first")
        }
        do throws(IPCError) {
            var hasFinished = false
            switch ending {
            case .finished: hasFinished = true
            case .failed(let error): throw error
            // What becomes of it elsewhere is not the listener's any more.
            case .unbegun(let handshake): if !handshake.meet() { throw StreamHandshake.failure }
            case nil: break
            }
            let state = StreamReceiverState(
                options: options, hasFinished: hasFinished, mayLackWriter: stream.mayLackWriter,
                helloCount: helloCount, endCount: endCount, bytes: unsafe Array(buffer.bytes))
            guard arrivedDescriptors.isEmpty else {
                throw IPCError(.invalidArgument, "transfer: descriptors have arrived here; receive their message first")
            }
            // The duplicate is what travels: this end's own number is closed as ever, when nobody uses it any more.
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

    /// A receiver that goes on where `state` left off, on a descriptor that is taken over.
    ///
    /// - Throws: `.decodingFailed` when `state` is not that of a receiver; `.invalidArgument` when `descriptors` are not
    ///   what belongs to it, or were taken.
    package static func restore(
        _ descriptors: [PassedDescriptor], _ state: [UInt8], kind: StreamDescriptor.Kind
    ) throws(IPCError) -> StreamReceiver {
        let state = try StreamReceiverState(decoding: state)
        guard descriptors.count == 1 else {
            throw IPCError(.invalidArgument, "receive a channel end: a receiving end has one descriptor")
        }
        let number = try descriptors[0].takeOpen(reads: true)
        let stream = try StreamDescriptor(
            number, kind: kind, uses: 1, mayLackWriter: state.mayLackWriter, shortReadMeansEmpty: false)
        return restore(stream, state)
    }

    /// The same on a descriptor that is shared with a sender, with `limits` that are this side's own.
    package static func restore(
        _ stream: StreamDescriptor, _ state: [UInt8], within limits: StreamOptions
    ) throws(IPCError) -> StreamReceiver {
        var state = try StreamReceiverState(decoding: state)
        state.options = try state.options.within(limits)
        return restore(stream, state)
    }

    private static func restore(_ stream: StreamDescriptor, _ state: StreamReceiverState) -> StreamReceiver {
        let receiver = StreamReceiver(stream, state.options)
        receiver.helloCount = state.helloCount
        receiver.endCount = state.endCount
        if state.hasFinished { receiver.ending = .finished }
        receiver.arrivedDescriptors = ArrivedDescriptors(
            limit: state.options.maximumDescriptors, alreadyRead: state.bytes.count)
        receiver.put(state.bytes)
        return receiver
    }

    private func put(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let room = unsafe buffer.room(for: bytes.count)
            let part = rest.prefix(room.count)
            unsafe room.copyBytes(from: part)
            buffer.append(part.count)
            rest = rest.dropFirst(part.count)
        }
    }
}

extension PassedDescriptor {
    /// Takes the number, which must be open for reading or for writing, and makes it non-blocking.
    ///
    /// - Throws: `.invalidArgument` when it was taken, is not open, or not open for that.
    package func takeOpen(reads: Bool) throws(IPCError) -> OwnedDescriptor {
        guard let number = take() else {
            throw IPCError(.invalidArgument, "use a descriptor: it was taken before")
        }
        guard DescriptorCalls.isOpen(number) else {
            throw IPCError(.invalidArgument, "use a descriptor: it is not open", object: "descriptor \(number)")
        }
        let owned = OwnedDescriptor(owning: number)
        try Self.prepare(number, reads: reads)
        return owned
    }

    private static func prepare(_ number: Int32, reads: Bool) throws(IPCError) {
        let mode = try mapping("use a descriptor", object: "descriptor \(number)") { () throws(SystemCallError) in
            try DescriptorCalls.accessMode(number)
        }
        guard reads ? mode.reads : mode.writes else {
            throw IPCError(
                .invalidArgument, "use a descriptor: it is not open for \(reads ? "reading" : "writing")",
                object: "descriptor \(number)")
        }
        try mapping("use a descriptor", object: "descriptor \(number)") { () throws(SystemCallError) in
            try DescriptorCalls.setNonblocking(number)
            try DescriptorCalls.setCloseOnExec(number)
        }
    }
}
