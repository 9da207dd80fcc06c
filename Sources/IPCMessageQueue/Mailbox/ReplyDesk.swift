import IPCCore
import IPCSharedMemory
import IPCSystem

/// Where the requests of one mailbox object get their answers: a queue of its own, made with the first request, in which the
/// number of the request is the type of its answer.
final class ReplyDesk: Sendable {
    private enum Place {
        case none
        case open(SharedQueue)
        case closed
    }

    private struct State {
        var place = Place.none
        var lastNumber = 0
        var pending: Set<Int> = []
        /// Somebody gave up, whose answer may come or have come.
        var hasStale = false
    }

    private let state = Lock(State())
    private let memory: SharedMemoryOptions
    private let maximumMessageSize: Int

    init(_ memory: SharedMemoryOptions, _ maximumMessageSize: Int) {
        self.memory = memory
        self.maximumMessageSize = maximumMessageSize
    }

    /// A request that goes on.
    struct Request: Sendable {
        let queue: SharedQueue
        let number: Int
        let address: ReturnAddress
    }

    // MARK: Asking

    func begin(until deadline: Deadline) async throws(IPCError) -> Request {
        if let queue = try found() { return try await begin(in: queue, until: deadline) }
        let place = UInt64.random(in: 1 ... .max)
        let made = try await SharedQueue(at: Self.place(place), .create, options: options, until: deadline)
        return try await begin(in: try adopt(made), until: deadline)
    }

    /// The same on a thread that may block.
    func beginBlocking(until deadline: Deadline) throws(IPCError) -> Request {
        if let queue = try found() { return try begin(in: queue) }
        let place = UInt64.random(in: 1 ... .max)
        let made = try SharedQueue(blockingAt: Self.place(place), .create, options: options, until: deadline)
        return try begin(in: try adopt(made))
    }

    private static func place(_ number: UInt64) -> SharedMemoryPlace {
        .named(ReturnAddress(place: number, owner: 0, number: 0).name)
    }

    /// A few of the largest answers at least, and no memory until they come.
    private var options: SharedQueueOptions {
        var memory = memory
        // Whoever finds it unused finds that its requester is gone.
        memory.isKeptWhenUnused = false
        return SharedQueueOptions(
            capacity: .growing(maximumByteCount: max(4 << 20, 8 * (maximumMessageSize + 256))),
            maximumMessageSize: maximumMessageSize, maximumDeliveries: nil, memory: memory)
    }

    private func found() throws(IPCError) -> SharedQueue? {
        let place = state.withLock { $0.place }
        switch place {
        case .none: return nil
        case .open(let queue): return queue
        case .closed: throw .closed("request")
        }
    }

    /// The queue that was made, or the one that somebody else made meanwhile.
    private func adopt(_ made: SharedQueue) throws(IPCError) -> SharedQueue {
        let place = state.withLock { state -> Place in
            if case .none = state.place { state.place = .open(made) }
            return state.place
        }
        if case .open(let queue) = place, queue === made { return made }
        made.close()
        try? SharedQueue.remove(made.place)
        guard case .open(let queue) = place else { throw .closed("request") }
        return queue
    }

    private func begin(in queue: SharedQueue, until deadline: Deadline) async throws(IPCError) -> Request {
        let (number, stale) = take()
        if let stale { _ = try? await queue.purge(.lowest(upTo: stale), until: deadline) }
        do throws(IPCError) {
            return try request(queue, number)
        } catch {
            forget(number)
            throw error
        }
    }

    private func begin(in queue: SharedQueue) throws(IPCError) -> Request {
        let (number, stale) = take()
        do throws(IPCError) {
            if let stale {
                // No more than there can be, whatever somebody writes into the memory.
                var steps = queue.shape.blockLimit
                while steps > 0, try queue.tryReceive(.lowest(upTo: stale)) != nil { steps -= 1 }
            }
            return try request(queue, number)
        } catch {
            forget(number)
            throw error
        }
    }

    /// A number, and the highest one up to which answers are of nobody, if there may be some.
    private func take() -> (Int, Int?) {
        state.withLock { state in
            state.lastNumber += 1
            let oldest = state.pending.min() ?? state.lastNumber
            let stale = state.hasStale && oldest > 1 ? oldest - 1 : nil
            // Those that come after this look are found by the next one who gives up.
            state.pending.insert(state.lastNumber)
            return (state.lastNumber, stale)
        }
    }

    /// Nothing was asked with the number, and what is stale by now is looked for again.
    private func forget(_ number: Int) {
        state.withLock { state in _ = state.pending.remove(number) }
    }

    private func request(_ queue: SharedQueue, _ number: Int) throws(IPCError) -> Request {
        guard let place = UInt64(queue.core.name.suffix(16), radix: 16) else {
            throw IPCError(.systemFailure, "request: the reply place has another name", object: queue.core.name)
        }
        let address = ReturnAddress(place: place, owner: queue.core.owner, number: UInt64(number))
        return Request(queue: queue, number: number, address: address)
    }

    /// It is over: with its answer, or without, which may come yet.
    func end(_ request: Request, isAnswered: Bool) {
        state.withLock { state in
            state.pending.remove(request.number)
            if !isAnswered { state.hasStale = true }
        }
    }

    // MARK: The end

    func close() {
        let place = state.withLock { state -> Place in
            defer { state.place = .closed }
            return state.place
        }
        guard case .open(let queue) = place else { return }
        // In the child of a fork it is the parent's.
        let isOurs = queue.core.owner != 0
        queue.close()
        if isOurs { try? SharedMemory.remove(queue.place) }
    }
}
