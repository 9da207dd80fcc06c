public import IPCCore
import IPCSystem
import Synchronization

/// How the two ends meet, and part.
extension SignalChannel {
    /// Waits until the other end is there.
    ///
    /// - Throws: `.timedOut`, `.cancelled`; `.peerClosed` when it came and went, or the process that invited is gone;
    ///   `.closed`.
    public func waitUntilOpen(until deadline: Deadline = .never) async throws(IPCError) {
        let point = WaitEngine.shared.makeWaitPoint()
        var pace = RetryPace(first: .microseconds(50), limit: .milliseconds(10))
        while !isOpen.load(ordering: .acquiring) {
            if sendLock.isClosed { throw .closed("open a signal channel") }
            if isPeerGone.load(ordering: .acquiring) { throw peerClosed("open a signal channel") }
            lane.poll()
            try await pace.pause(at: point, until: deadline, "open a signal channel")
        }
    }

    /// Knows its peer from now on.
    func begin(with route: SignalRoute) {
        let watch = Task(executorPreference: IPCExecutor.shared) { [weak self] in
            if await route.waitForDeath() { await self?.mourn() }
        }
        let before = peer.withLock { peer -> Task<Void, Never>? in
            defer { peer.watch = watch }
            peer.route = route
            return peer.watch
        }
        before?.cancel()
    }

    // MARK: What arrives

    /// A frame for this channel. Called by whoever reads the pipe, one at a time.
    func accept(_ frame: SignalFrame, from record: SignalRecord) {
        if frame.kind == .fence {
            guard record.process == ProcessFacts.processID,
                fencesLeft.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
            else { return }
            window.withLock { $0.die() }
            return arrived.signal()
        }
        guard let route = peer.withLock({ $0.route }) else {
            if frame.kind == .hello { meet(frame, record.process) }
            return
        }
        guard record.process == route.processID else { return }
        switch frame.kind {
        case .message, .finish:
            window.withLock { $0.place(frame) }
            arrived.signal()
        case .credit:
            credit(frame.value & SignalFrame.sequenceMask)
        case .hello:
            open(route, Greeting(sequence: frame.sequence))
        case .close:
            window.withLock { $0.close(at: frame.sequence) }
            isPeerGone.store(true, ordering: .releasing)
            arrived.signal()
            room.signal()
        case .fence:
            break
        }
    }

    /// The peer has room for messages up to `limit`; an older word that was overtaken says nothing.
    private func credit(_ limit: UInt32) {
        let known = creditLimit.load(ordering: .relaxed)
        guard SignalFrame.distance(from: known, to: limit) <= SignalFrame.sequenceMask / 2 else { return }
        creditLimit.store(limit, ordering: .releasing)
        room.signal()
    }

    /// The first hello at the end that invited.
    private func meet(_ frame: SignalFrame, _ process: Int32) {
        guard !sendLock.isClosed, !isPeerGone.load(ordering: .acquiring),
            let route = try? SignalRoute(to: process, number: frame.value, signal)
        else { return }
        // Whoever said hello may be gone, and its number another process's, which the answer would end.
        guard let facts = try? SignalSending.facts(of: process), facts.catches(signal.rawValue) else {
            return route.end()
        }
        begin(with: route)
        // Closed at the same moment: then nobody else lets go of the route.
        guard !sendLock.isClosed else { return dismiss(close: nil) }
        open(route, Greeting(sequence: frame.sequence))
    }

    private func open(_ route: SignalRoute, _ greeting: Greeting) {
        if !greeting.isReply {
            // It may not have had the answer yet.
            Task(executorPreference: IPCExecutor.shared) { [weak self] in await self?.greet(isReply: true) }
        }
        route.direct(to: greeting.thread)
        guard !isOpen.load(ordering: .relaxed) else { return }
        creditLimit.store(1 << greeting.capacityExponent, ordering: .releasing)
        isOpen.store(true, ordering: .releasing)
        room.signal()
        // Released outside the lock.
        _ = peer.withLock { peer -> PassedDescriptor? in
            defer { peer.lifeline = nil }
            return peer.lifeline
        }
    }

    /// Frames may be missing for good.
    func lose() {
        window.withLock { $0.lose() }
        isLossy.store(true, ordering: .releasing)
        arrived.signal()
        room.signal()
    }

    // MARK: What is said

    /// Says hello until the other end has answered: it may not have a handler for a moment, or no room.
    static func greetUntilOpen(_ channel: @Sendable () -> SignalChannel?) async {
        let point = WaitEngine.shared.makeWaitPoint()
        var pace = RetryPace(first: .milliseconds(20), limit: .seconds(1))
        while let channel = channel(), !channel.isOpen.load(ordering: .acquiring), !channel.sendLock.isClosed,
            !channel.isPeerGone.load(ordering: .acquiring)
        {
            await channel.greet(isReply: false)
            try? await pace.pause(at: point, until: .never, "open a signal channel")
        }
    }

    /// Tells the other end of this one, and of the thread that runs this: one of the library's, which waits for signals too.
    private func greet(isReply: Bool) async {
        var thread: Int32 = 0
        if Scheduler.isWorkersThread {
            // The host may have blocked the signal where it first used the library.
            SignalCalls.admit(signal.rawValue)
            thread = ProcessFacts.threadID
        }
        // One that was announced before holds, until the receiver moves.
        let exchanged = ownThread.compareExchange(expected: 0, desired: thread, ordering: .acquiringAndReleasing)
        if exchanged.exchanged, thread > 0 { announced.withLock { _ = $0.insert(thread) } }
        let greeting = Greeting(
            thread: exchanged.exchanged ? thread : exchanged.original, capacityExponent: exponent, isReply: isReply)
        await sendSurely(SignalFrame(.hello, sequence: greeting.sequence, value: number))
    }

    /// Sends what is not a message, now or as soon as the kernel takes it; gives up when the peer is gone.
    private func sendSurely(_ frame: SignalFrame) async {
        guard let route = peer.withLock({ $0.route }) else { return }
        await Self.sendSurely(frame, by: route)
    }

    private static func sendSurely(_ frame: SignalFrame, by route: SignalRoute) async {
        let point = WaitEngine.shared.makeWaitPoint()
        var pace = RetryPace(first: .milliseconds(1), limit: .milliseconds(50))
        while !trySend(frame, by: route) {
            do throws(IPCError) {
                try await pace.pause(at: point, until: .never, "send a signal")
            } catch {
                return
            }
        }
    }

    /// False when the kernel does not take it now.
    private static func trySend(_ frame: SignalFrame, by route: SignalRoute) -> Bool {
        do throws(SystemCallError) {
            try route.send(frame)
            return true
        } catch {
            // Whoever is gone needs no frame.
            return error.errno != Errno.wouldBlock
        }
    }

    /// Tells the peer how far it may send.
    func grant(_ credit: UInt32) {
        guard let route = peer.withLock({ $0.route }) else { return }
        let frame = SignalFrame(.credit, value: credit)
        guard !Self.trySend(frame, by: route) else { return }
        Task(executorPreference: IPCExecutor.shared) { await Self.sendSurely(frame, by: route) }
    }

    // MARK: The end

    /// The peer is dead: what it sent is on its way through this process. A frame behind the last of it tells when it has come.
    private func mourn() async {
        isPeerGone.store(true, ordering: .releasing)
        room.signal()
        let threads = announced.withLock { $0 }
        guard let route = try? SignalRoute(to: ProcessFacts.processID, number: number, signal) else { return }
        fencesLeft.store(threads.count + 1, ordering: .releasing)
        // The peer sent to the process before it knew a thread, and still did if it could open none: any thread may have
        // such a signal in its hands for a moment.
        try? await Task.sleep(for: .milliseconds(20))
        await Self.sendSurely(SignalFrame(.fence), by: route)
        // Where the kernel cannot send to a thread for good, these go to the process, too.
        for thread in threads {
            route.direct(to: thread)
            await Self.sendSurely(SignalFrame(.fence), by: route)
        }
    }

    /// The thread that receives has the signals come to it, when it has been another one than before for a while: a thread
    /// that must be woken for the handler alone costs a switch for each message. Behind `receiveLock`.
    func settle() {
        guard Scheduler.isWorkersThread,
            spinning.isNews(SystemThread.mark, home: home.load(ordering: .relaxed))
        else { return }
        home.store(SystemThread.mark, ordering: .relaxed)
        let thread = ProcessFacts.threadID
        guard ownThread.load(ordering: .relaxed) != thread, let route = peer.withLock({ $0.route }) else { return }
        SignalCalls.admit(signal.rawValue)
        announced.withLock { _ = $0.insert(thread) }
        ownThread.store(thread, ordering: .releasing)
        let greeting = Greeting(thread: thread, capacityExponent: exponent, isReply: true)
        // Without room in the kernel everything stays as it is.
        _ = Self.trySend(SignalFrame(.hello, sequence: greeting.sequence, value: number), by: route)
    }

    /// Whether this is the thread that has settled.
    var isHome: Bool { home.load(ordering: .relaxed) == SystemThread.mark && Scheduler.isWorkersThread }

    /// Once, when nobody sends any more through this end.
    func leave() {
        ChannelTable.shared.remove(number, capacity: UInt32(capacity))
        dismiss(close: SignalFrame(.close, sequence: nextSequence.load(ordering: .relaxed)))
    }

    private func dismiss(close frame: SignalFrame?) {
        let (route, watch) = peer.withLock { peer in
            let found = (peer.route, peer.watch)
            peer = Peer()
            return found
        }
        watch?.cancel()
        guard let route else { return }
        guard let frame, !Self.trySend(frame, by: route) else { return route.end() }
        Task(executorPreference: IPCExecutor.shared) {
            await Self.sendSurely(frame, by: route)
            route.end()
        }
    }

    func lost(_ doing: String) -> IPCError {
        IPCError(
            .resourceExhausted,
            "\(doing): so many signals came to this process at once that some were lost, perhaps ones of this channel; use "
                + "a signal of its own that nobody else sends", object: signal.name)
    }

    func peerClosed(_ doing: String) -> IPCError {
        IPCError(.peerClosed, "\(doing): the other end of the signal channel is gone", object: signal.name)
    }
}
