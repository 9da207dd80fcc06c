public import IPCCore
import IPCSystem

/// What a ``SharedQueue`` holds at a moment.
public struct SharedQueueStatus: Sendable, Hashable {
    /// Messages that can be received.
    public let depth: Int
    /// Messages that somebody has under a lease, or is copying.
    public let leased: Int
    /// Messages that somebody is writing.
    public let unfinished: Int
    /// Dead letters.
    public let deadLetters: Int
    /// Bytes of all messages but the dead letters.
    public let byteCount: Int
    /// Bytes of memory that messages can take now. A queue that grows may get more.
    public let freeByteCount: Int
    /// Messages that were found to be incomplete after the machine had stopped, and were dropped.
    public let damaged: Int
}

/// Looks, each under the lock for a moment. On a thread of Swift's own they wait for it at most some 10 microseconds in
/// every turn, and then as tasks do.
extension SharedQueue {
    /// How many messages can be received at this moment; about, while others hold the lock. - Throws: `.closed`.
    public var depth: Int {
        get throws(IPCError) {
            try core.checkOpen("look at a shared queue")
            return Int(core.table.get(.depth))
        }
    }

    /// What the queue holds. - Throws: as ``receive(_:until:_:)``.
    public func status(until deadline: Deadline = .never) async throws(IPCError) -> SharedQueueStatus {
        let turn = try await core.acquire(until: deadline, "look at a shared queue")
        let table = core.table
        defer { core.leave(turn) }
        let (depth, leased) = (Int(table.get(.depth)), Int(table.get(.leased)))
        return SharedQueueStatus(
            depth: depth, leased: leased, unfinished: max(0, Int(table.get(.messages)) - depth - leased),
            deadLetters: Int(table.get(.deadLetters)), byteCount: Int(clamping: table.usedBytes),
            freeByteCount: max(0, table.freeBlocks) * shape.blockSize, damaged: Int(table.get(.damaged)))
    }

    /// A copy of the message that `receive` would take, which stays; nil when there is none. Its delivery count is that of
    /// the deliveries so far.
    ///
    /// - Throws: as ``receive(_:until:_:)``, of one that does not wait for a message.
    public func peek(
        _ selection: QueueSelection = .any, until deadline: Deadline = .never
    ) async throws(IPCError) -> QueueMessage<[UInt8]>? {
        try check(selection)
        let turn = try await core.acquire(until: deadline, "peek")
        defer { core.leave(turn) }
        let link = core.table.find(selection)
        return link == 0 ? nil : core.message(link)
    }

    /// Drops the messages that `selection` matches and that can be received now: with ``QueueSelection/lowest(upTo:)`` all of
    /// those types.
    ///
    /// - Returns: how many.
    /// - Throws: as ``peek(_:until:)``, of which a part may have been dropped.
    @discardableResult
    public func purge(_ selection: QueueSelection = .any, until deadline: Deadline = .never) async throws(IPCError)
        -> Int
    {
        try check(selection)
        return try await core.drop(until: deadline, "purge") { table in
            let link = table.find(selection)
            return link == 0 ? nil : table.drop(link)
        }
    }

    /// Takes the oldest dead letter: a message that was given out too often. Nil when there is none.
    ///
    /// - Throws: as ``peek(_:until:)``.
    public func receiveDeadLetter(until deadline: Deadline = .never) async throws(IPCError) -> QueueMessage<[UInt8]>? {
        core.takeDeadLetter(try await core.acquire(until: deadline, "receive a dead letter"))
    }

    /// The same on the calling thread, which it blocks while others have the lock.
    public func receiveDeadLetterBlocking(until deadline: Deadline = .never) throws(IPCError) -> QueueMessage<[UInt8]>?
    {
        core.takeDeadLetter(try core.acquireBlocking(until: deadline, "receive a dead letter"))
    }

    /// Drops all dead letters. They take memory until they are received or dropped.
    ///
    /// - Returns: how many.
    @discardableResult
    public func purgeDeadLetters(until deadline: Deadline = .never) async throws(IPCError) -> Int {
        try await core.drop(until: deadline, "purge dead letters") { table in
            let link = table.listHead(.deadLetters).loadRelaxed()
            return link == 0 ? nil : table.dropDeadLetter(link)
        }
    }
}

extension QueueCore {
    /// A copy of a message, with the lock.
    func message(_ link: QueueTable.Link) -> QueueMessage<[UInt8]> {
        let state = table.state(link)
        let size = table.size(link)
        let payload = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            unsafe table.copy(
                link, to: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<size]))
            count = size
        }
        return QueueMessage(payload: payload, label: table.label(link, deliveries: state.deliveries))
    }

    func takeDeadLetter(_ turn: consuming Turn) -> QueueMessage<[UInt8]>? {
        let link = table.listHead(.deadLetters).loadRelaxed()
        guard link != 0 else {
            leave(turn)
            return nil
        }
        let message = message(link)
        turn.wakes.signalRoom(table, blocks: table.dropDeadLetter(link))
        leave(turn)
        return message
    }

    /// Lets `step` drop one after the other until it says nil instead of how many blocks that were, a few in each turn.
    func drop(
        until deadline: Deadline, _ doing: StaticString, _ step: (QueueTable) -> UInt32?
    ) async throws(IPCError) -> Int {
        var count = 0
        var isOver = false
        // No more than there can be: whoever writes nonsense into the memory ends up with a broken queue, not with a loop.
        while !isOver && count <= table.shape.blockLimit {
            var turn = try await acquire(until: deadline, doing)
            let before = count
            var blocks: UInt32 = 0
            while !isOver && count - before < 64 {
                if let freed = step(table) {
                    (count, blocks) = (count + 1, blocks &+ freed)
                } else {
                    isOver = true
                }
            }
            if count > before { signalTaken(&turn, blocks: blocks) }
            leave(turn)
        }
        return count
    }
}
