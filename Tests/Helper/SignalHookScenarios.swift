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
    unsafe sigaction(signal.rawValue, &action, &found)
}

private func unhook(_ signal: Signal) { unsafe sigaction(signal.rawValue, &found, nil) }

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
