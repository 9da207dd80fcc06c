import IPCSockets
import IPCSystem
import Synchronization

/// The parcels of requests or answers, as they come on their own socket: in the order of the frames that speak of them.
final class ParcelInbox: Sendable {
    private struct State {
        /// Parcels that nobody will take, by the numbers of their tasks.
        var unwanted: [UInt64: Int] = [:]
        /// How many there ever were.
        var givenUp = 0
        /// The oldest one, if it was found to be wanted while looking for others.
        var first: SocketMessage<[UInt8]>?
    }

    private let channel: SocketChannel
    private let state = Lock(State())
    /// Held by the one who reads the socket.
    private let turn = TaskLock()

    init(_ channel: SocketChannel) {
        self.channel = channel
    }

    /// The parcel of a task, which has been sent already, or why it cannot be opened here: for lack of memory, of
    /// descriptors. One caller at a time.
    ///
    /// - Throws: why there is none, and will be none for others either; `.cancelled` and `.timedOut`.
    func take(
        _ id: UInt64, until deadline: Deadline = .never
    ) async throws(IPCError) -> Result<Parcel, IPCError> {
        try await turn.acquire(until: deadline, "take a parcel")
        // What was given up meanwhile could not be dropped by whoever gave it up.
        defer { dropUnwanted() }
        defer { _ = turn.release() }
        while true {
            guard let message = try await nextMessage(until: deadline) else {
                throw CallWire.violation("no parcel for task \(id)")
            }
            // Before it is opened: that one which nobody wants cannot be opened is nobody's concern.
            let found = try Parcel.id(of: message)
            if isUnwanted(found) { continue }
            guard found == id else { throw CallWire.violation("a parcel of task \(found) instead of \(id)") }
            do throws(IPCError) {
                return .success(try Parcel(message))
            } catch {
                return .failure(error)
            }
        }
    }

    /// Everything that is there, by the numbers of the tasks, after the death of the other side.
    func takeAll() -> [UInt64: Parcel] {
        var found: [UInt64: Parcel] = [:]
        var next = state.withLock { $0.first.take() } ?? receiveNow()
        while let message = next {
            if let parcel = try? Parcel(message) { found[parcel.id] = parcel }
            next = receiveNow()
        }
        return found
    }

    /// Nobody will take the parcel of this task. It leaves the socket as soon as none that is wanted is before it: what
    /// stays there fills the socket, and then the pool cannot send to this worker any more.
    func forget(_ id: UInt64) {
        state.withLock { state in
            state.unwanted[id, default: 0] += 1
            state.givenUp += 1
        }
        dropUnwanted()
    }

    /// Never waits. When somebody else has the turn, he does this afterwards.
    private func dropUnwanted() {
        var seen = -1
        while true {
            let (isClean, givenUp) = state.withLock { ($0.unwanted.isEmpty, $0.givenUp) }
            guard !isClean, givenUp != seen, turn.tryAcquire() else { return }
            seen = givenUp
            while dropFirst() {}
            _ = turn.release()
        }
    }

    /// - Returns: whether there was one to drop.
    private func dropFirst() -> Bool {
        guard let message = state.withLock({ $0.first.take() }) ?? receiveNow() else { return false }
        if let id = try? Parcel.id(of: message), isUnwanted(id) { return true }
        // Wanted, or it makes no sense: that is for whoever takes parcels to complain of.
        state.withLock { $0.first = message }
        return false
    }

    private func nextMessage(until deadline: Deadline) async throws(IPCError) -> SocketMessage<[UInt8]>? {
        if let first = state.withLock({ $0.first.take() }) { return first }
        return try await channel.descriptorMessages.receive(until: deadline)
    }

    private func receiveNow() -> SocketMessage<[UInt8]>? {
        guard case .message(let message)? = try? channel.descriptorMessages.tryReceive() else { return nil }
        return message
    }

    /// Whether the parcel of this task was given up; asked once for each parcel.
    private func isUnwanted(_ id: UInt64) -> Bool {
        state.withLock { state in
            guard let count = state.unwanted[id] else { return false }
            state.unwanted[id] = count > 1 ? count - 1 : nil
            return true
        }
    }
}
