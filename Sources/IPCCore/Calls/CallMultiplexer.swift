package import IPCSystem
import Synchronization

/// Serves requests: returns the reply, or nil when it has sent a stream of items. What it throws reaches the caller.
package typealias MultiplexerHandler = @Sendable (IncomingCall) async throws -> [UInt8]?

/// How a connection carries calls.
package struct MultiplexerOptions: Sendable {
    /// How many requests of the peer are served at once. The peer is told and waits with the others.
    package var requestLimit = 64
    /// Picks requests whose handlers start on the task that reads the channel and move off it at their first suspension.
    /// It saves a hand-over where handlers are short; one that computes for long holds up the others, and their
    /// cancellation.
    package var startsImmediately: (@Sendable (IncomingRequest) -> Bool)?
    /// What this side says in its hello, for the layer above.
    package var greeting: [UInt8] = []
    /// Looks at what the peer says in its hello; a refusal ends the connection. It may be called under a lock.
    package var judgeGreeting: (@Sendable ([UInt8]) -> IPCError?)?

    package init() {}
}

/// One end of a channel that carries calls both ways: requests with one reply or a stream of them, many in flight, each
/// with a deadline and cancelled by its caller.
///
/// - **Run it.** ``run()`` reads the channel; nothing is answered while nobody runs it. It returns when the peer finishes,
///   and throws when the peer is gone or breaks the protocol. Calls that are open then fail with that error
///   (`.peerClosed` after a clean end), handlers are cancelled and awaited. ``waitUntilEnd()`` does not await them.
/// - **Backpressure.** Each side says how many requests it serves at once; the other side's callers wait for room. Items of
///   a stream are sent against credit. Nothing else queues up.
/// - **Cancellation** of a caller's task, and its deadline, end the call here at once and cancel the handler's task there.
/// - The wire format is in `Documentation/WireFormat.md`, "Calls".
package final class CallMultiplexer: Sendable {
    package typealias State = CallState<Sleeper<CallEvent>, Task<Void, Never>>

    private struct Timer {
        var task: Task<Void, Never>?
    }

    /// The request whose handler the current task belongs to.
    struct Served: Sendable {
        var connection: ObjectIdentifier
        var id: UInt64
        var depth: Int
        /// The handler's own task: those that it starts know the request as well.
        var task: Int?
    }

    @TaskLocal static var served: Served?

    /// How long what the peer has sent may still be read when it reads no more itself.
    private static let lastReading = Duration.seconds(2)

    package let channel: any ByteChannel
    private let handler: MultiplexerHandler
    private let startsImmediately: (@Sendable (IncomingRequest) -> Bool)?
    package let state: Lock<State>
    private let timer = Lock(Timer())
    private let writer = Doorbell()

    /// - Parameter handler: serves the peer's requests; without one, none are taken.
    package init(
        over channel: any ByteChannel, options: MultiplexerOptions = MultiplexerOptions(),
        serving handler: MultiplexerHandler? = nil
    ) {
        self.channel = channel
        self.handler =
            handler ?? { _ throws(IPCError) in throw IPCError(.unsupported, "this side serves no calls") }
        startsImmediately = options.startsImmediately
        var limits = CallLimits(
            requests: handler == nil ? 0 : options.requestLimit, messageSize: channel.guarantees.maximumMessageSize)
        limits.greeting = options.greeting
        limits.judgeGreeting = options.judgeGreeting
        state = Lock(State(limits: limits))
    }

    /// Reads the channel until the peer finishes. Call it once.
    ///
    /// - Throws: what `receive` throws; `.protocolViolation`, `.wrongMagic`, `.wrongVersion`; `.closed` after ``close()``.
    package func run() async throws(IPCError) {
        var outcome: IPCError?
        await withDiscardingTaskGroup { group in
            group.addTask { await self.writeBacklog() }
            flush()
            outcome = await self.readAll()
            await self.endAll(outcome)
        }
        if let outcome { throw outcome }
    }

    /// Ends the connection: open calls fail with `.closed`, handlers are cancelled, and the channel is closed.
    package func close() { end(with: IPCError.closed("call")) }

    private func end(with error: IPCError, inOrder: Bool = false) {
        let actions = state.withLock { $0.end(with: error, inOrder: inOrder) }
        channel.close()
        writer.ring()
        timer.withLock { $0.task.take() }?.cancel()
        perform(actions)
    }

    /// Returns why the reading ended; nil when the peer finished.
    private func readAll() async -> IPCError? {
        var actions: [State.Action] = []
        var broken: IPCError?
        do throws(IPCError) {
            while broken == nil {
                let count = try await channel.receive(upTo: 64, until: .never) { message in
                    if broken == nil { broken = self.take(message, &actions) }
                }
                perform(actions)
                actions.removeAll(keepingCapacity: true)
                if count == nil { return nil }
            }
            return broken
        } catch {
            return state.withLock { $0.ended } ?? error
        }
    }

    private func take(_ message: RawSpan, _ actions: inout [State.Action]) -> IPCError? {
        do throws(IPCError) {
            try state.withLock { state throws(IPCError) in try state.receive(message, into: &actions) }
            return nil
        } catch {
            return error
        }
    }

    /// Fails what is open and waits for the handlers, which have been cancelled.
    private func endAll(_ error: IPCError?) async {
        end(with: error ?? IPCError(.peerClosed, "call: the peer has finished"), inOrder: error == nil)
        for job in state.withLock({ $0.jobs }) { await job.value }
    }

    /// Carries out what a step of the state machine asked for. Never under the lock.
    package func perform(_ actions: [State.Action]) {
        var mustFlush = false
        for action in actions {
            switch action {
            case .resume(let waiter, let event): waiter.wake(event)
            case .start(let request): start(request)
            case .cancel(let job): job.cancel()
            case .flush: mustFlush = true
            case .arm: arm()
            }
        }
        if mustFlush { flush() }
    }

    private func start(_ request: IncomingRequest) {
        let job: Task<Void, Never>
        if startsImmediately?(request) == true {
            job = Task.immediate(executorPreference: IPCExecutor.shared) { await self.serve(request) }
        } else {
            job = Task(executorPreference: IPCExecutor.shared) { await self.serve(request) }
        }
        perform(state.withLock { $0.register(job, for: request.id) })
    }

    private func serve(_ request: IncomingRequest) async {
        let answer: CallEvent
        do {
            let served = Served(
                connection: ObjectIdentifier(self), id: request.id, depth: request.depth, task: Self.currentTask)
            answer = try await Self.$served.withValue(served) {
                try await handler(IncomingCall(request, self)).map { .reply($0) } ?? .end
            }
        } catch {
            answer = .failure(CallFailure(thrown: error))
        }
        perform(state.withLock { $0.finish(request.id, with: answer) })
    }

    /// Sends what can be sent without waiting; the rest is left to ``writeBacklog()``.
    private func flush() {
        guard var packet = state.withLock({ $0.beginSending() }) else { return }
        while true {
            do {
                guard try unsafe channel.trySend(packet.span.bytes) else {
                    writer.leave(packet)
                    return
                }
            } catch {
                noteUnsendable(error)
                return
            }
            guard let next = didSend() else { return }
            packet = next
        }
    }

    private func didSend() -> [UInt8]? {
        let (packet, actions) = state.withLock { $0.didSend() }
        perform(actions)
        return packet
    }

    /// Sends what ``flush()`` could not: the one place that waits for room in the channel.
    private func writeBacklog() async {
        while let left = await writer.wait(while: { self.state.withLock { $0.ended == nil } }) {
            var packet = left
            do {
                try await unsafe channel.send(packet.span.bytes, until: .never)
                while let next = didSend() {
                    packet = next
                    try await unsafe channel.send(packet.span.bytes, until: .never)
                }
            } catch {
                noteUnsendable(error)
                return
            }
        }
    }

    /// What cannot be sent leaves somebody without an answer, so the connection ends. A peer that only reads no more may have
    /// sent answers before: they are taken first.
    private func noteUnsendable(_ error: any Error) {
        let error = error as? IPCError ?? IPCError(.systemFailure, "\(error)")
        switch error.code {
        case .closed, .finished: return  // This side has ended it, and the reader goes on to its end.
        case .peerClosed:
            _ = Task.detached { [weak self] in
                try? await Task.sleep(for: Self.lastReading)
                self?.end(with: error)
            }
        default: end(with: error)
        }
    }

    /// Sees to it that deadlines are looked at when the earliest is over. It is not moved when that call ends sooner.
    ///
    /// Which deadline that is, is read under the timer's lock: of two threads that come here, the later one sets the timer for
    /// what both have put into the state.
    private func arm() {
        timer.withLock { timer in
            let armed = state.withLock { $0.ended == nil ? $0.armed : .never }
            guard let remaining = armed.remaining else { return nil as Task<Void, Never>? }
            let previous = timer.task
            timer.task = Task.detached { [weak self] in
                guard (try? await Task.sleep(for: remaining, clock: .suspending)) != nil, let self else { return }
                self.perform(self.state.withLock { $0.expire(at: MonotonicClock.nanoseconds) })
            }
            return previous
        }?.cancel()
    }

    /// What the current task is told from others by.
    static var currentTask: Int? { unsafe withUnsafeCurrentTask { unsafe $0?.hashValue } }
}
