import Glibc
import IPCProcess
import IPCSignals
import IPCSystem
import Synchronization

// A library beside this one that hooks its handler over what it finds, and what is lost while nobody reads.

/// What the hook found, as others keep it.
nonisolated(unsafe) private var found = sigaction()
/// How often the hook has run.
private let hookCount = Atomic(0)
private var hookRuns: Int { hookCount.load(ordering: .sequentiallyConsistent) }

/// Puts a handler over the one that is there, which calls that one in turn.
private func hook(_ signal: Signal) {
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_sigaction = { number, information, context in
        hookCount.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if unsafe found.sa_flags & SA_SIGINFO != 0 {
            unsafe found.__sigaction_handler.sa_sigaction(number, information, context)
        }
    }
    action.sa_flags = SA_SIGINFO
    // SAFETY: written before the handler can run, and read by it alone.
    unsafe sigaction(signal.rawValue, nil, &found)
    unsafe sigaction(signal.rawValue, &action, nil)
}

private func unhook(_ signal: Signal) { unsafe sigaction(signal.rawValue, &found, nil) }

/// Runs `body` on a thread of its own.
private func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    let result = unsafe await withUnsafeContinuation {
        (continuation: UnsafeContinuation<Result<Void, any Error>, Never>) in
        startThread { unsafe continuation.resume(returning: Result { try body() }) }
    }
    try result.get()
}

let signalHookScenarios: [String: Scenario] = [
    // A hook that was put over the handler of a scope that is over, below the one of another that chains.
    "signal-hooked": { _ in
        try await Signals.with(.user1) { _ in hook(.user1) }
        try await Signals.with(.user1, chaining: true) { events in
            for count in 1...3 {
                try await raised(.user1)
                guard let event = try await events.next(until: .after(.seconds(60))) else { throw Wrong("no event") }
                try require(event.signal == .user1, "\(event)")
                try require(hookCount.load(ordering: .sequentiallyConsistent) == count, "the hook ran another time")
            }
            try require(events.nextIfThere() == nil, "a signal came twice")
        }
        try await raised(.user1)
        try require(hookCount.load(ordering: .sequentiallyConsistent) == 4, "the hook is gone")
        return 0
    },
    // The hook puts back what it found, when the scope of that is over: the signal does again what it did before.
    "signal-put-back": { _ in
        try await Signals.with(.terminate) { _ in hook(.terminate) }
        unhook(.terminate)
        try await raised(.terminate)
        return 1
    },
    // The same, and a scope begins afterwards.
    "signal-put-back-used": { _ in
        try await Signals.with(.terminate) { _ in hook(.terminate) }
        unhook(.terminate)
        try await Signals.with(.terminate) { events in
            try await raised(.terminate)
            try require(try await events.next(until: .after(.seconds(60))) != nil, "no event")
        }
        try await raised(.terminate)
        return 1
    },
    // Real-time signals that wait in the kernel's queue together: the hook sees each, and so does the scope.
    "signal-hooked-queue": { _ in
        let signal = Signal.realTimeSignals[1]
        return try await Signals.with(signal) { events in
            hook(signal)
            let count = 40
            try await onThread {
                SignalQueueCalls.hold(signal.rawValue)
                for number in 0..<count {
                    try SignalSending.queue(
                        ProcessFacts.processID, thread: ProcessFacts.threadID, signal.rawValue, number: 0,
                        value: UInt64(number))
                }
                SignalQueueCalls.letThrough()
                SignalCalls.admit(signal.rawValue)
            }
            try require(hookRuns == count, "the hook saw \(hookRuns) signals of \(count)")
            var values: Set<Int32> = []
            for _ in 0..<count {
                guard let event = try await events.next(until: .after(.seconds(60))) else { throw Wrong("no event") }
                try require(event.processID == ProcessFacts.processID && event.origin == .queued, "\(event)")
                if let value = event.value { values.insert(value) }
            }
            try require(values == Set(0..<Int32(count)), "\(values.sorted())")
            try require(events.nextIfThere() == nil, "a signal came twice")
            return 0
        }
    },
    // A hook that is put over the handler while a thread holds the signal back and takes it from the kernel's queue.
    "signal-hooked-hold": { _ in
        let channel = try SignalChannel(on: .realTimeSignals[1])
        defer { channel.close() }
        let signal = channel.signal.rawValue
        try await onThread {
            SignalQueueCalls.hold(signal)
            for number: UInt64 in 0..<4 {
                try SignalSending.queue(
                    ProcessFacts.processID, thread: ProcessFacts.threadID, signal, number: 0, value: number)
            }
            guard case .record(let first) = SignalQueueCalls.take(signal), first.value == 0 else {
                throw Wrong("not the first")
            }
            hook(channel.signal)
            guard case .recordOfHooked(let second, isPassedOn: true) = SignalQueueCalls.take(signal), second.value == 1
            else { throw Wrong("the hook was not found") }
            try require(hookRuns == 0, "the hook ran during the hold")
            SignalQueueCalls.letThrough()
            SignalCalls.admit(signal)
            try require(hookRuns == 3, "the hook saw \(hookRuns) signals of 3")
            try require(SignalQueueCalls.take(signal) == .nothing, "something is left")
            // A thread that is started meanwhile does not inherit that.
            SignalQueueCalls.hold(signal)
            let progress = Progress()
            try SystemThread.start("started-in-hold") {
                raise(signal)
                progress.isOver.store(true, ordering: .sequentiallyConsistent)
            }
            while !progress.isOver.load(ordering: .sequentiallyConsistent) { usleep(1000) }
            SignalQueueCalls.letThrough()
            try require(hookRuns == 4, "a thread inherited the hold")
        }
        return 0
    },
    // HELPER: round trips, until the signals come to the thread that receives and it takes them itself; then another thread
    // puts a hook over the handler, which sees each signal from then on; then none; then everything that a dying peer sent.
    "signal-round-trips": { arguments in
        try await withIPCExecutor {
            let (settling, hooked, last) = (400, 100, 100)
            let channel = try SignalChannel(on: .realTimeSignals[1])
            let peer = try await ChildProcess.spawn(
                .path(arguments[0]), arguments: ["signal-echo-and-die"], transferring: [channel.invitation])
            func makeTrips(_ count: Int) async throws {
                for number in 0..<Int32(count) {
                    try await channel.send(number, until: .after(.seconds(60)))
                    let answer = try await channel.receive(until: .after(.seconds(60)))
                    try require(answer == number, "\(answer.map { "\($0)" } ?? "the end") instead of \(number)")
                }
            }
            try await makeTrips(settling)
            let progress = Progress()
            startThread {
                hook(channel.signal)
                progress.isOver.store(true, ordering: .sequentiallyConsistent)
            }
            while !progress.isOver.load(ordering: .sequentiallyConsistent) { try await makeTrips(1) }
            let before = hookRuns
            try await makeTrips(hooked)
            try require(hookRuns - before >= hooked, "the hook saw \(hookRuns - before) signals of \(hooked)")
            unhook(channel.signal)
            try await makeTrips(settling)
            for number in 0..<Int32(last) { try await channel.send(number, until: .after(.seconds(60))) }
            try await channel.send(-1, until: .after(.seconds(60)))
            _ = try await peer.exitStatus(until: .after(.seconds(60)))
            for number in 0..<Int32(last) {
                let answer = try await channel.receive(until: .after(.seconds(60)))
                try require(answer == number, "\(answer.map { "\($0)" } ?? "the end") instead of \(number)")
            }
            do {
                _ = try await channel.receive(until: .after(.seconds(60)))
            } catch let error as IPCError {
                try require(error.code == .peerClosed, "\(error)")
                return 0
            }
            throw Wrong("no end")
        }
    },
    // RECEIVES: another signal fills the pipe of channels, and one of this channel finds no room.
    "signal-channel-loss": { arguments in
        let near = try SignalChannel(on: .realTimeSignals[2], capacity: 1)
        let far = try SignalChannel(accepting: near.invitation, capacity: 1)
        let other = try SignalChannel(on: .realTimeSignals[3])
        defer { other.close() }
        try await near.waitUntilOpen(until: .after(.seconds(60)))
        try await far.waitUntilOpen(until: .after(.seconds(60)))
        let progress = Progress()
        for _ in 0..<max(2, ProcessFacts.usableProcessors) * 2 {
            // The library's own task cannot run while these do.
            Task(executorPreference: IPCExecutor.shared) {
                progress.begun.wrappingAdd(1, ordering: .relaxed)
                while !progress.isOver.load(ordering: .relaxed) {}
            }
        }
        while progress.begun.load(ordering: .relaxed) < max(2, ProcessFacts.usableProcessors) { await Task.yield() }
        try await raised(other.signal, count: 40_000)
        try require(SignalCalls.lostCount(other.signal.rawValue) > 0, "the pipe is not full")
        try require(try near.trySend(7), "no room")
        while SignalCalls.lostCount(near.signal.rawValue) == 0 { await Task.yield() }
        progress.isOver.store(true, ordering: .relaxed)
        do {
            if arguments.first == "receives" {
                _ = try await far.receive(until: .after(.seconds(60)))
            } else {
                try await far.send(1, until: .after(.seconds(60)))
                try await far.send(2, until: .after(.seconds(60)))
            }
        } catch let error as IPCError {
            try require(error.code == .resourceExhausted, "\(error)")
            return 0
        }
        throw Wrong("nothing was thrown")
    },
]
