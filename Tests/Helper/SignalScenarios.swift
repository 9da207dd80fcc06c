import Glibc
import IPCProcess
import IPCSignals
import IPCSystem
import Synchronization

/// Processes that receive signals, for tests of `IPCSignals`. In processes of their own, because dispositions are the
/// process's.
let signalScenarios: [String: Scenario] = [
    "signal-watch": watch, "signal-busy": busy, "signal-scopes": scopes, "signal-refusals": refusals,
    "signal-full-pipe": fullPipe, "signal-full-buffer": fullBuffer, "signal-chain": chain, "signal-fork": forked,
    "signal-exec": executed, "signal-changed": changed, "signal-children": children, "signal-shutdown": shutDown,
    "signal-request": requestShutDown, "signal-server": requestShutDownOfServer,
]

/// What tasks of a scenario look at together.
final class Progress: Sendable {
    let isOver = Atomic(false)
    let begun = Atomic(0)
}

/// The disposition of a signal: where its handler is.
private func handler(_ signal: Signal) -> UInt {
    var found = sigaction()
    unsafe sigaction(signal.rawValue, nil, &found)
    return unsafe unsafeBitCast(found.__sigaction_handler.sa_handler, to: UInt.self)
}

/// SIG_DFL is a null pointer.
private let standard: UInt = 0
private let ignored: UInt = 1

private func next(_ events: SignalEvents) async throws -> SignalEvent {
    guard let event = try await events.next(until: .after(.seconds(60))) else { throw Wrong("the scope is over") }
    return event
}

private func describe(_ event: SignalEvent) -> String {
    "\(event.signal.name) \(event.origin) \(event.processID ?? -1) \(event.userID.map { Int($0) } ?? -1) "
        + "\(event.value.map { "\($0)" } ?? "-")"
}

private func named(_ text: String) throws -> Signal {
    guard let number = Int32(text) else { throw Wrong("no signal: \(text)") }
    return Signal(rawValue: number)
}

/// COUNT SIGNAL…: says that it is ready, and what arrives.
private func watch(_ arguments: [String]) async throws -> Int32 {
    let signals = Set(try arguments.dropFirst().map(named))
    try await Signals.with(signals) { events in
        say("ready \(getpid())")
        for _ in 0..<(Int(arguments[0]) ?? 0) { say(describe(try await next(events))) }
    }
    return 0
}

/// COUNT: each thread of the pool computes all the time, and so many SIGTERM arrive one after the other.
private func busy(_ arguments: [String]) async throws -> Int32 {
    let count = Int(arguments[0]) ?? 0
    let progress = Progress()
    return try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<16 {
            group.addTask {
                var sum = number
                while !progress.isOver.load(ordering: .relaxed) { sum = (sum &* 31 &+ 7) & 0xFFFF }
                return sum
            }
        }
        return try await withIPCExecutor {
            // Here, for behind this nothing has a thread before they end.
            defer { progress.isOver.store(true, ordering: .relaxed) }
            try await Signals.with(.terminate) { events in
                say("ready \(getpid())")
                for _ in 0..<count {
                    let event = try await next(events)
                    try require(event.signal == .terminate && event.origin == .process, "\(event)")
                    say("got")
                }
            }
            return 0
        }
    }
}

/// Several scopes for one signal, one within another; dispositions before and after.
private func scopes(_ arguments: [String]) async throws -> Int32 {
    _ = Glibc.signal(SIGUSR2, SIG_IGN)
    try require(handler(.user1) == standard && handler(.user2) == ignored, "the dispositions at the start")
    try await Signals.with(.user1, .user2) { outer in
        let ours = handler(.user1)
        try require(ours != standard && handler(.user2) == ours, "no handler in the scope")
        try await Signals.with(.user1) { inner in
            try Signals.send(.user1, to: .currentProcess)
            let (first, second) = (try await next(outer), try await next(inner))
            try require(first == second, "\(first) is not \(second)")
            try require(first.processID == getpid() && first.userID == getuid() && first.origin == .process, "\(first)")
            try Signals.send(.user2, value: -5, to: .currentProcess)
            let third = try await next(outer)
            try require(third.signal == .user2 && third.value == -5 && third.origin == .queued, "\(third)")
            try require(inner.nextIfThere() == nil, "the inner scope has a signal that it did not ask for")
        }
        try require(handler(.user1) == ours, "the handler went with the inner scope")
        try Signals.send(.user1, to: .process(getpid()))
        _ = try await next(outer)
        try require(outer.lostCount == 0, "lost \(outer.lostCount)")
    }
    try require(handler(.user1) == standard && handler(.user2) == ignored, "the dispositions at the end")
    // Tasks with scopes of their own at the same time.
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
            group.addTask {
                for _ in 0..<50 {
                    try await Signals.with(.user2) { events in
                        try Signals.send(.user2, to: .currentProcess)
                        _ = try await next(events)
                    }
                }
            }
        }
        try await group.waitForAll()
    }
    try require(handler(.user2) == ignored, "the disposition after many scopes")
    return 0
}

private func refusals(_ arguments: [String]) async throws -> Int32 {
    func code(_ signals: Set<Signal>, buffering: Int = 1) async throws -> IPCError.Code? {
        do {
            try await Signals.with(signals, buffering: buffering) { _ in }
            return nil
        } catch let error as IPCError {
            return error.code
        }
    }
    let refused: [Signal] = [
        .kill, .stop, .segmentationFault, .busError, .floatingPointException, .illegalInstruction,
        Signal(rawValue: 0), Signal(rawValue: 32), Signal(rawValue: 33), Signal(rawValue: 65), Signal(rawValue: -1),
    ]
    for signal in refused {
        // Together with one that is not, of which nothing may stay.
        let found = try await code([signal, .user1])
        try require(found == .invalidArgument, "\(signal): \(found.map { "\($0)" } ?? "received")")
        try require(handler(.user1) == standard, "\(signal) left a handler of another")
    }
    try require(try await code([]) == .invalidArgument, "no signal")
    try require(try await code([.user1], buffering: 0) == .invalidArgument, "no room")
    let own = Signal(rawValue: try InterruptSignal.take())
    try require(try await code([own]) == .busy, "the signal that ends blocked calls")
    do {
        _ = try SignalChannel(on: own)
        throw Wrong("a channel on the signal that ends blocked calls")
    } catch let error as IPCError where error.code == .busy {}
    do {
        _ = try SignalChannel(on: .user1)
        throw Wrong("a channel on a standard signal")
    } catch let error as IPCError where error.code == .invalidArgument {}
    let channel = try SignalChannel(on: .realTimeSignals[3])
    try require(try await code([.realTimeSignals[3]]) == .busy, "the signal of a channel")
    channel.close()
    try await Signals.with(.realTimeSignals[4]) { _ in
        do {
            _ = try SignalChannel(on: .realTimeSignals[4])
            throw Wrong("a channel on the signal of a scope")
        } catch let error as IPCError where error.code == .busy {}
    }
    return 0
}

/// More signals than the pipe holds while nobody reads it: the handler never waits, and what was lost is counted.
private func fullPipe(_ arguments: [String]) async throws -> Int32 {
    let count = 40_000
    return try await Signals.with(.user1, buffering: count) { events in
        let progress = Progress()
        let threads = max(2, ProcessFacts.usableProcessors) * 2
        for _ in 0..<threads {
            // The library's own task cannot run while these do.
            Task(executorPreference: IPCExecutor.shared) {
                progress.begun.wrappingAdd(1, ordering: .relaxed)
                while !progress.isOver.load(ordering: .relaxed) {}
            }
        }
        let limit = Deadline.after(.seconds(60))
        while progress.begun.load(ordering: .relaxed) < max(2, ProcessFacts.usableProcessors), !limit.hasPassed {}
        // raise(3) returns when the handler has.
        try await raised(.user1, count: count)
        progress.isOver.store(true, ordering: .relaxed)
        var found = 0
        while found + events.lostCount < count {
            let event = try await next(events)
            try require(event.signal == .user1 && event.processID == getpid(), "\(event)")
            found += 1
        }
        try require(events.lostCount > 0 && found > 1000, "\(found) found, \(events.lostCount) lost")
        try require(events.nextIfThere() == nil, "more than were sent")
        say("\(found) \(events.lostCount)")
        return 0
    }
}

/// A scope that takes nothing: the first are kept, the others are counted, and a scope beside it has all.
private func fullBuffer(_ arguments: [String]) async throws -> Int32 {
    try await Signals.with(.realTimeSignals[2], buffering: 10) { small in
        try await Signals.with(.realTimeSignals[2], buffering: 100) { large in
            for number: Int32 in 0..<100 { try Signals.send(.realTimeSignals[2], value: number, to: .currentProcess) }
            var values: Set<Int32> = []
            while values.count < 100 { values.insert(try await next(large).value ?? -1) }
            try require(values == Set(0..<100) && large.lostCount == 0, "the large buffer has \(values.count)")
            try require(small.lostCount == 90, "the small buffer lost \(small.lostCount)")
            for _ in 0..<10 { _ = try await next(small) }
            try require(small.nextIfThere() == nil, "more than the buffer holds")
        }
    }
    return 0
}
