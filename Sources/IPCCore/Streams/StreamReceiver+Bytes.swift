import IPCSystem

/// Reading a stream without frames as bytes: a number of them, up to a newline, or all.
///
/// Bytes wait in the buffer until there are enough: so a call that gives up has consumed nothing.
extension StreamReceiver {
    /// What a call is looking for among the bytes that have been read.
    package enum Goal {
        /// This many bytes.
        case count(Int)
        /// Everything to the end, at most this many bytes.
        case end(limit: Int)
        /// What stands before the next newline or the end, at most this many bytes.
        case line(limit: Int)

        fileprivate var limit: Int {
            switch self {
            case .count(let count): count
            case .end(let limit), .line(let limit): limit
            }
        }

        /// How many bytes must fit into the buffer for the goal to be decided.
        fileprivate var wantedCount: Int {
            switch self {
            case .count(let count): min(count, Int.max >> 2)
            case .end, .line: min(limit, Int.max >> 2) + 1
            }
        }
    }

    /// What was found: the bytes to hand over, and how many are consumed with them.
    private struct Find {
        var count: Int
        var consumed: Int
    }

    /// Waits until the goal is reached and returns the bytes; nil when the stream has ended and there are none.
    ///
    /// - Throws: `.truncated` when the stream ends inside `count`, `.messageTooLarge` above a limit. The bytes stay where
    ///   they are then, as after `.cancelled` and `.timedOut`.
    package func read(_ goal: Goal, until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        guard goal.limit >= 0 else {
            throw IPCError(.invalidArgument, "read: \(goal.limit) bytes cannot be read; give a number from 0")
        }
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "read", engine: stream.engine) }
        do throws(IPCError) {
            let bytes = try await reach(goal, until: deadline)
            release()
            return bytes
        } catch {
            release()
            throw error
        }
    }

    private func reach(_ goal: Goal, until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        guard options.framing == .none else {
            throw IPCError(
                .invalidArgument, "read: this end carries messages; receive them, or make it with the framing .bytes")
        }
        var isAtEnd = false
        switch ending {
        case .finished: isAtEnd = true
        case .failed(let error): throw error
        // Of connections that a listener accepted alone, which are not read in this way.
        case .unbegun, nil: break
        }
        var searched = 0
        while true {
            if let find = try find(goal, &searched, isAtEnd: isAtEnd) {
                let bytes = unsafe Array(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<find.count]))
                buffer.drop(find.consumed)
                if isAtEnd && buffer.count == 0 { ending = .finished }
                if case .end = goal { buffer.releaseIfEmpty() }
                return bytes
            }
            if isAtEnd {
                ending = .finished
                return nil
            }
            if let count = try readMore(goal.wantedCount) {
                isAtEnd = count == 0
                continue
            }
            try await stream.registration.waitReadable(until: deadline, "read")
            if lock.isClosed { throw .closed("read") }
        }
    }

    /// One read that counts: nil when there is nothing yet, 0 at the end.
    private func readMore(_ wanted: Int) throws(IPCError) -> Int? {
        let room = unsafe buffer.room(for: wanted)
        lastReadWasShort = false
        while true {
            let count = try mapping("read") { () throws(SystemCallError) in try unsafe stream.read(into: room) }
            guard count == 0 else {
                if let count { buffer.append(count) }
                return count
            }
            switch try stream.meaningOfEmptyRead() {
            case .bytesHaveCome: continue
            case .awaitsFirstWriter: return nil
            case .end: return 0
            }
        }
    }

    private func find(_ goal: Goal, _ searched: inout Int, isAtEnd: Bool) throws(IPCError) -> Find? {
        let bytes = unsafe buffer.bytes
        switch goal {
        case .count(let wanted):
            if bytes.count >= wanted { return Find(count: wanted, consumed: wanted) }
            guard isAtEnd && bytes.count > 0 else { return nil }
            throw IPCError(.truncated, "read: the stream ended after \(bytes.count) of \(wanted) bytes")
        case .end(let limit):
            if bytes.count > limit { throw Self.tooLarge("the stream", limit) }
            return isAtEnd ? Find(count: bytes.count, consumed: bytes.count) : nil
        case .line(let limit):
            if let index = unsafe bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                if index > limit { throw Self.tooLarge("the line", limit) }
                return Find(count: index, consumed: index + 1)
            }
            if bytes.count > limit { throw Self.tooLarge("the line", limit) }
            searched = bytes.count
            return isAtEnd && bytes.count > 0 ? Find(count: bytes.count, consumed: bytes.count) : nil
        }
    }

    private static func tooLarge(_ what: String, _ limit: Int) -> IPCError {
        IPCError(.messageTooLarge, "read: \(what) has more than \(limit) bytes; raise the limit if that is meant")
    }
}
