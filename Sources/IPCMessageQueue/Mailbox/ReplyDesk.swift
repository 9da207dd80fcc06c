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

        /// What those who answer are told.
        var firstAwaited: UInt64 { UInt64(pending.min() ?? lastNumber + 1) }
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
        if let queue = try found() { return try begin(in: queue) }
        let place = UInt64.random(in: 1 ... .max)
        let made = try await SharedQueue(at: Self.place(place), .create, options: options, until: deadline)
        return try begin(in: try adopt(made))
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

    private func begin(in queue: SharedQueue) throws(IPCError) -> Request {
        let number = state.withLock { state in
            state.lastNumber += 1
            state.pending.insert(state.lastNumber)
            queue.core.firstAwaited.storeSequential(state.firstAwaited)
            return state.lastNumber
        }
        do throws(IPCError) {
            return try request(queue, number)
        } catch {
            forget(number, in: queue)
            throw error
        }
    }

    /// Nobody waits for an answer with that number any more.
    private func forget(_ number: Int, in queue: SharedQueue) {
        state.withLock { state in
            state.pending.remove(number)
            queue.core.firstAwaited.storeSequential(state.firstAwaited)
        }
    }

    private func request(_ queue: SharedQueue, _ number: Int) throws(IPCError) -> Request {
        guard let place = UInt64(queue.core.name.suffix(16), radix: 16) else {
            throw IPCError(.systemFailure, "request: the reply place has another name", object: queue.core.name)
        }
        let address = ReturnAddress(place: place, owner: queue.core.owner, number: UInt64(number))
        return Request(queue: queue, number: number, address: address)
    }

    /// Waits for the answer. Those that nobody waits for any more go, so that they are in nobody's way.
    func answer(to request: Request, until deadline: Deadline) async throws(IPCError) -> [UInt8] {
        let core = request.queue.core
        var ticket: QueueCore.Ticket?
        while true {
            var turn = try await core.acquire(after: ticket, until: deadline, "request")
            dropLate(core, &turn)
            var answer: [UInt8]?
            switch core.take(.only(request.number), counts: true, turn, { bytes, _ in answer = [UInt8](bytes) }) {
            case .message: break
            case .large(let lease):
                answer = core.contents(lease)
                try await core.receive(lease, until: deadline)
            case .empty(let next): ticket = next
            }
            if let answer { return answer }
        }
    }

    /// The same on a thread that may block.
    func answerBlocking(to request: Request, until deadline: Deadline) throws(IPCError) -> [UInt8] {
        let core = request.queue.core
        var ticket: QueueCore.Ticket?
        while true {
            var turn = try core.acquireBlocking(after: ticket, until: deadline, "request")
            dropLate(core, &turn)
            var answer: [UInt8]?
            switch core.take(.only(request.number), counts: true, turn, { bytes, _ in answer = [UInt8](bytes) }) {
            case .message: break
            case .large(let lease):
                answer = core.contents(lease)
                try core.receiveBlocking(lease, until: deadline)
            case .empty(let next): ticket = next
            }
            if let answer { return answer }
        }
    }

    /// With the lock of the place: who has sent an answer by now has it from a request that is in the set, or over.
    private func dropLate(_ core: QueueCore, _ turn: inout QueueCore.Turn) {
        guard !core.isEmpty else { return }
        let pending = state.withLock { $0.pending }
        core.dropReady(&turn) { !pending.contains($0) }
    }

    /// It is over: with its answer, or without, which may come yet.
    func end(_ request: Request) { forget(request.number, in: request.queue) }

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
