import IPCSystem

/// The descriptors that came with bytes of a stream, until the frame is complete that they belong to.
///
/// A read of a Unix stream socket ends inside or behind the piece that descriptors were sent with, never beyond. So they
/// belong to the frame in which that read ended: the place is all that has to be kept.
struct ArrivedDescriptors: ~Copyable {
    private struct Batch {
        let numbers: [Int32]
        /// How many bytes of the stream had been read by then.
        let end: Int
        /// Some were lost on the way (MSG_CTRUNC).
        let isTruncated: Bool
    }

    /// The most that one frame may bring.
    let limit: Int
    private var batches: [Batch] = []
    private var readCount: Int

    /// `alreadyRead` bytes have come, without descriptors, before this began to count.
    init(limit: Int, alreadyRead: Int = 0) {
        self.limit = limit
        readCount = alreadyRead
    }

    /// Whether none wait for their frame.
    var isEmpty: Bool { batches.isEmpty }

    deinit { for batch in batches { batch.numbers.forEach(closeDescriptor) } }

    /// Takes over what one read brought.
    mutating func record(_ received: SocketCalls.ReceivedMessage) {
        readCount += received.byteCount
        guard !received.descriptors.isEmpty || received.controlWasTruncated else { return }
        batches.append(
            Batch(numbers: received.descriptors, end: readCount, isTruncated: received.controlWasTruncated))
    }

    /// The descriptors of the frame at the front of `unread` bytes, of which `byteCount` are its own.
    ///
    /// - Throws: `.descriptorsTruncated` when some were lost, `.protocolViolation` when not as many came as `announced`.
    mutating func take(frame byteCount: Int, of unread: Int, announced: Int) throws(IPCError) -> [Int32] {
        if batches.isEmpty && announced == 0 { return [] }
        let end = readCount - unread + byteCount
        let own = batches.prefix { $0.end <= end }
        try Self.check(own)
        guard own.reduce(0, { $0 + $1.numbers.count }) == announced else { throw Self.mismatch(own, announced) }
        let numbers = own.flatMap { $0.numbers }
        batches.removeFirst(own.count)
        return numbers
    }

    /// Checks what has come with a frame of which bytes are still missing, so that a peer cannot pile up descriptors in
    /// front of its end. All that is there belongs to it.
    func checkIncomplete(announced: Int?) throws(IPCError) {
        if batches.isEmpty { return }
        try Self.check(batches[...])
        guard batches.reduce(0, { $0 + $1.numbers.count }) <= announced ?? limit else {
            throw Self.mismatch(batches[...], announced ?? limit)
        }
    }

    /// Closes all of them.
    mutating func closeAll() {
        for batch in batches { batch.numbers.forEach(closeDescriptor) }
        batches = []
    }

    private static func check(_ batches: ArraySlice<Batch>) throws(IPCError) {
        guard batches.contains(where: \.isTruncated) else { return }
        throw IPCError(
            .descriptorsTruncated,
            "receive: descriptors were lost on the way, so the connection ends; this process may have no free "
                + "descriptor (RLIMIT_NOFILE)")
    }

    private static func mismatch(_ batches: ArraySlice<Batch>, _ announced: Int) -> IPCError {
        let count = batches.reduce(0) { $0 + $1.numbers.count }
        return IPCError(
            .protocolViolation, "receive: the peer may send \(announced) descriptors here and \(count) came")
    }
}
