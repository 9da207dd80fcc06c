public import IPCCore
import IPCSharedMemory
import IPCSystem

/// Questions and answers through a mailbox: the question goes with the address of a place that is the requester's own.
extension Mailbox {
    /// Sends a message and waits for the answer to it, which whoever receives it gives by ``QueueMessage/reply(_:until:)``.
    /// Of a broadcast the first answer.
    ///
    /// A requester sees nothing of what happens to its question: where a receiver dies that had it under a lease
    /// (``withLease(_:until:_:)``) another one gets it; one that had just received it takes it along, and the deadline ends
    /// the wait. So give it one. Answers that come too late are dropped.
    ///
    /// The first request of an object makes its reply place, a shared queue named `ipc-reply-…`, which ``close()`` removes;
    /// that of a process that is killed is a leftover (`SharedMemory.sweep`, `ipcctl clean`).
    ///
    /// - Throws: as ``send(_:labeled:until:)`` when nothing was sent; `.timedOut` and `.cancelled` also when there was no
    ///   answer yet: the question may be answered by then.
    public func request(
        _ payload: [UInt8], labeled label: QueueLabel = .standard, until deadline: Deadline
    ) async throws(IPCError) -> [UInt8] {
        let request = try await replies.begin(until: deadline)
        do throws(IPCError) {
            var label = label
            label.returnAddress = request.address
            try await unsafe deliver(payload.span.bytes, label, until: deadline)
            let answer = try await replies.answer(to: request, until: deadline)
            replies.end(request)
            return answer
        } catch {
            replies.end(request)
            throw error
        }
    }

    /// The same on the calling thread, which it blocks. Never call it in a task.
    public func requestBlocking(
        _ payload: [UInt8], labeled label: QueueLabel = .standard, until deadline: Deadline
    ) throws(IPCError) -> [UInt8] {
        let request = try replies.beginBlocking(until: deadline)
        do throws(IPCError) {
            var label = label
            label.returnAddress = request.address
            try unsafe deliverBlocking(payload.span.bytes, label, until: deadline)
            let answer = try replies.answerBlocking(to: request, until: deadline)
            replies.end(request)
            return answer
        } catch {
            replies.end(request)
            throw error
        }
    }
}

extension QueueMessage {
    /// Answers a message that was sent by ``Mailbox/request(_:labeled:until:)``.
    ///
    /// An answer that comes too late is dropped, here or there, which is no error.
    ///
    /// - Throws: `.peerClosed` when the requester is dead or has closed its mailbox, also if that happens while this waits for
    ///   room; `.invalidArgument` when nobody waits for
    ///   an answer (``QueueLabel/isRequest``); `.messageTooLarge` above the mailbox's largest message; `.timedOut` and
    ///   `.cancelled` with nothing sent, mostly because the requester leaves answers lying; `.permissionDenied` when it is
    ///   of another user and its mailbox's permissions were for itself alone.
    public func reply(_ payload: [UInt8], until deadline: Deadline = .never) async throws(IPCError) {
        try await label.returnAddress.reply(payload, until: deadline)
    }

    /// The same on the calling thread, which it blocks. Never call it in a task.
    public func replyBlocking(_ payload: [UInt8], until deadline: Deadline = .never) throws(IPCError) {
        try label.returnAddress.replyBlocking(payload, until: deadline)
    }
}

extension LeasedMessage {
    /// Answers a message that was sent by ``Mailbox/request(_:labeled:until:)``. See ``QueueMessage/reply(_:until:)``.
    ///
    /// Answer at the end of the lease's body: who dies before it leaves the question to another. An error that the body throws
    /// gives the question back, also `.peerClosed`: catch that one, because nobody needs the answer any more.
    public func reply(_ payload: [UInt8], until deadline: Deadline = .never) async throws(IPCError) {
        try await label.returnAddress.reply(payload, until: deadline)
    }

    /// The same on the calling thread, which it blocks. Never call it in a task.
    public func replyBlocking(_ payload: [UInt8], until deadline: Deadline = .never) throws(IPCError) {
        try label.returnAddress.replyBlocking(payload, until: deadline)
    }
}

extension ReturnAddress {
    func reply(_ payload: [UInt8], until deadline: Deadline) async throws(IPCError) {
        try check()
        let queue: SharedQueue
        do throws(IPCError) {
            queue = try await SharedQueue(at: .named(name), .open, until: deadline)
        } catch {
            throw translate(error)
        }
        defer { queue.close() }
        do throws(IPCError) {
            let blocks = try queue.check(payload.count, label)
            try await unsafe queue.sendWaiting(payload.span.bytes, label, blocks, deadline, .answers(self))
        } catch {
            clearUp(queue, error)
            throw error
        }
    }

    func replyBlocking(_ payload: [UInt8], until deadline: Deadline) throws(IPCError) {
        try check()
        let queue: SharedQueue
        do throws(IPCError) {
            queue = try SharedQueue(blockingAt: .named(name), .open, until: deadline)
        } catch {
            throw translate(error)
        }
        defer { queue.close() }
        do throws(IPCError) {
            try unsafe queue.sendBlocking(payload.span.bytes, label, deadline, .answers(self))
        } catch {
            clearUp(queue, error)
            throw error
        }
    }

    private func check() throws(IPCError) {
        guard self != .none, Int(exactly: number).map({ $0 > 0 }) ?? false else {
            throw IPCError(.invalidArgument, "reply: nobody waits for an answer to this message")
        }
    }

    /// Of the answer.
    private var label: QueueLabel { QueueLabel(type: Int(clamping: number)) }

    /// What is not there any more was its requester's to remove.
    private func translate(_ error: IPCError) -> IPCError {
        guard error.code == .notFound else { return error }
        return IPCError(.peerClosed, "reply: the requester is gone", object: name)
    }

    /// What the dead have left goes with the answer that nobody waits for.
    private func clearUp(_ queue: SharedQueue, _ error: IPCError) {
        if error.code == .peerClosed { try? SharedQueue.remove(queue.place) }
    }
}
