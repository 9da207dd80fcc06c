public import IPCCore
import IPCSystem

/// Many messages in one turn with the lock.
extension SharedQueue {
    /// The most messages and bytes of one turn.
    private static let batchLimit = 64
    private static let batchBytes = 16384

    /// Sends `bytes` cut into messages of `messageSize` bytes each, several in one turn. Others' messages may come between.
    ///
    /// - Throws: ``BatchError`` with the number of messages that were sent.
    public func send(
        contentsOf bytes: RawSpan, messageSize: Int, labeled label: QueueLabel, until deadline: Deadline
    ) async throws(BatchError) {
        guard messageSize > 0 || bytes.byteCount == 0 else {
            throw BatchError(sentCount: 0, error: IPCError(.invalidArgument, "send: messageSize must be positive"))
        }
        var (sentCount, offset) = (0, 0)
        do throws(IPCError) {
            _ = try check(min(messageSize, bytes.byteCount), label)
            while offset < bytes.byteCount {
                try core.checkSending()
                if !shape.isRendezvous, messageSize <= QueueCore.largestUnderLock {
                    var turn = try await core.acquire(until: deadline, "send")
                    let count = core.put(bytes, from: offset, messageSize, label, limit: Self.batchLimit, &turn)
                    core.leave(turn)
                    (sentCount, offset) = (sentCount + count, offset + count * messageSize)
                    if count > 0 { continue }
                }
                // No room, or a large one: one by one.
                let end = offset + min(messageSize, bytes.byteCount - offset)
                try await send(bytes.extracting(offset..<end), labeled: label, until: deadline)
                (sentCount, offset) = (sentCount + 1, end)
            }
        } catch {
            throw BatchError(sentCount: sentCount, error: error)
        }
    }

    /// The same with the standard label.
    public func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        try await send(contentsOf: bytes, messageSize: messageSize, labeled: .standard, until: deadline)
    }

    /// Waits for at least one message that `selection` matches and hands over copies of those that are there, several from
    /// one turn, at most `maximumCount`.
    ///
    /// - Returns: how many there were.
    public func receive(
        _ selection: QueueSelection, upTo maximumCount: Int, until deadline: Deadline = .never,
        into body: (RawSpan, QueueLabel) -> Void
    ) async throws(IPCError) -> Int {
        guard maximumCount > 0 else {
            throw IPCError(.invalidArgument, "receive: maximumCount must be positive")
        }
        var count = 0
        while count < maximumCount {
            let turn: QueueCore.Turn?
            do throws(IPCError) {
                turn = try core.tryAcquire("receive")
            } catch {
                // What is wrong shows at the next call: these messages were received.
                if count > 0 { return count }
                throw error
            }
            if let turn {
                let taken = unsafe withUnsafeTemporaryAllocation(byteCount: Self.batchBytes, alignment: 8) { buffer in
                    unsafe core.takeMany(selection, min(maximumCount - count, Self.batchLimit), buffer, turn, body)
                }
                count += taken
                if taken == Self.batchLimit && !core.isEmpty { continue }
            }
            if count > 0 { return count }
            do {
                try await receive(selection, until: deadline) { (bytes: RawSpan, label: QueueLabel) throws(Never) in
                    body(bytes, label)
                }
            } catch {
                switch error {
                case .channel(let error): throw error
                }
            }
            count += 1
        }
        return count
    }

    /// The same of any type, without labels.
    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        try await receive(.any, upTo: maximumCount, until: deadline) { bytes, _ in body(bytes) }
    }
}

extension QueueCore {
    var isEmpty: Bool { table.get(.depth) == 0 }

    /// Sends as many messages of the batch as there is room for, with the lock.
    func put(
        _ bytes: RawSpan, from start: Int, _ messageSize: Int, _ label: QueueLabel, limit: Int, _ turn: inout Turn
    ) -> Int {
        var (offset, count) = (start, 0)
        let owner = owner
        while offset < bytes.byteCount, count < limit {
            let size = min(messageSize, bytes.byteCount - offset)
            guard case .there = table.room(table.shape.blocks(for: size)) else { break }
            unsafe bytes.extracting(offset..<offset + size).withUnsafeBytes { unsafe _ = table.put($0, label, owner) }
            (offset, count) = (offset + size, count + 1)
        }
        if count > 0 { turn.wakes.signalMessages(table, UInt32(count)) }
        return count
    }

    /// Takes as many messages as fit into `buffer`, and hands them over without the lock.
    func takeMany(
        _ selection: QueueSelection, _ limit: Int, _ buffer: UnsafeMutableRawBufferPointer, _ turn: consuming Turn,
        _ body: (RawSpan, QueueLabel) -> Void
    ) -> Int {
        var found: [(start: Int, count: Int, label: QueueLabel)] = []
        found.reserveCapacity(limit)
        var (start, blocks) = (0, UInt32(0))
        while found.count < limit {
            let link = table.find(selection)
            guard link != 0 else { break }
            let next = table.field(link, .nextMessage)
            if next != 0 { table.prepare(next) }
            let count = table.size(link)
            guard count <= min(buffer.count - start, Self.largestUnderLock) else { break }
            unsafe table.copy(link, to: UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + count]))
            found.append((start, count, table.label(link, deliveries: table.state(link).deliveries + 1)))
            blocks = blocks &+ table.drop(link)
            start += count
        }
        if !found.isEmpty { signalTaken(&turn, blocks: blocks) }
        leave(turn)
        for (start, count, label) in found {
            // SAFETY: the copy is this call's.
            let bytes = unsafe RawSpan(
                _unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer[start..<start + count]))
            body(bytes, label)
        }
        return found.count
    }
}
