import IPCCore
import IPCSystem

/// What slots say, checked before it is believed.
extension RingReceiver {
    /// Takes the slot at the front, whose word is `word`.
    ///
    /// - Returns: whether it made a message whole.
    func take(_ word: RingWord) throws(IPCError) -> Bool {
        let length = word.length
        switch word.kind {
        case .inline where length <= RingGeometry.inlineLimit && assembly == nil:
            try checkSize(length)
            unsafe message = UnsafeRawBufferPointer(rebasing: lane.inline(slotPosition)[..<length])
            messageIsInRing = true
        case .whole where length <= Int(lane.dataByteCount) && assembly == nil:
            try checkSize(length)
            unsafe message = UnsafeRawBufferPointer(lane.bytes(dataPosition, length))
            messageIsInRing = true
            dataPosition &+= RingLane.room(length)
        case .fragment where length <= Int(lane.dataByteCount), .lastFragment where length <= Int(lane.dataByteCount):
            try append(length)
            dataPosition &+= RingLane.room(length)
            if word.kind == .fragment {
                slotPosition &+= 1
                return false
            }
            guard let assembly, assembly.arrived == assembly.total else {
                throw violation("the fragments of a message are less than was announced")
            }
            unsafe message = UnsafeRawBufferPointer(scratch.room(assembly.total, keeping: assembly.total))
            messageIsInRing = false
            self.assembly = nil
        case .abandoned where assembly != nil:
            assembly = nil
            slotPosition &+= 1
            return false
        case .end where assembly == nil:
            ending = .finished
            slotPosition &+= 1
            return false
        default:
            throw violation("a slot says \(String(word.rawValue, radix: 16)), which it must not here")
        }
        slotPosition &+= 1
        KillPoints.pass("ring-taken")
        return true
    }

    /// Copies a fragment to those before it. Memory grows with what has arrived, not with what is announced.
    private func append(_ length: Int) throws(IPCError) {
        let said = unsafe lane.inline(slotPosition).loadUnaligned(as: UInt64.self)
        guard let total = Int(exactly: said) else { throw tooLarge("\(said)") }
        try checkSize(total)
        let (arrived, expected) = assembly ?? (0, total)
        guard total == expected, length <= total - arrived else {
            throw violation("the fragments of a message contradict each other")
        }
        let room = unsafe scratch.room(appending: length, to: arrived, limit: total)
        unsafe room.copyMemory(from: UnsafeRawBufferPointer(lane.bytes(dataPosition, length)))
        assembly = (arrived + length, total)
    }

    private func checkSize(_ count: Int) throws(IPCError) {
        guard count <= maximumMessageSize else { throw tooLarge("\(count)") }
    }

    private func tooLarge(_ count: String) -> IPCError {
        fail(
            IPCError(
                .messageTooLarge,
                "receive: the peer sent a message of \(count) bytes and the limit is \(maximumMessageSize)"))
    }

    private func violation(_ what: String) -> IPCError {
        fail(IPCError(.protocolViolation, "receive: the peer broke the protocol of the ring: \(what)"))
    }
}
