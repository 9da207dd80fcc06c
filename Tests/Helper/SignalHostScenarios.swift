import Glibc
import IPCProcess
import IPCSignals
import IPCSystem
import Synchronization

// What a host does with signals beside this library: handlers of its own, fork, exec, children.

/// How often a handler of the host has run, and the value that came with the last signal.
private let hostCount = Atomic(0)
private let hostValue = Atomic<Int32>(0)

private func install(_ signal: Signal) {
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_sigaction = { _, information, _ in
        hostCount.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if let information = unsafe information {
            unsafe hostValue.store(information.pointee._sifields._rt.si_sigval.sival_int, ordering: .relaxed)
        }
        // What a handler may do to errno must not be seen by what it interrupted.
        errno = EDOM
    }
    action.sa_flags = SA_SIGINFO
    unsafe sigaction(signal.rawValue, &action, nil)
}

/// Threads of Swift's pool block signals, and those that they start inherit that.
func unblock(_ signal: Signal) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, signal.rawValue)
    unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
}

/// Raises the signal on a thread that lets it through, and returns when its handlers have: with errno, which was ENOTTY.
@discardableResult
func raised(_ signal: Signal, count: Int = 1) async throws -> Int32 {
    unsafe await withUnsafeContinuation { continuation in
        startThread {
            unblock(signal)
            errno = ENOTTY
            for _ in 0..<count { raise(signal.rawValue) }
            let kept = errno
            unsafe continuation.resume(returning: kept)
        }
    }
}

private func next(_ events: SignalEvents) async throws -> SignalEvent {
    guard let event = try await events.next(until: .after(.seconds(60))) else { throw Wrong("the scope is over") }
    return event
}

/// A handler that was there is called where a scope asks for it, and is there again afterwards.
@Sendable func chain(_ arguments: [String]) async throws -> Int32 {
    install(.user1)
    try await Signals.with(.user1) { events in
        try Signals.send(.user1, value: 3, to: .currentProcess)
        _ = try await next(events)
        try require(hostCount.load(ordering: .sequentiallyConsistent) == 0, "chained without being asked")
        try await Signals.with(.user1, chaining: true) { inner in
            try Signals.send(.user1, value: 77, to: .currentProcess)
            _ = try await (next(events), next(inner))
            let limit = Deadline.after(.seconds(60))
            while hostCount.load(ordering: .sequentiallyConsistent) < 1, !limit.hasPassed {
                try await Task.sleep(for: .milliseconds(1))
            }
            try require(hostValue.load(ordering: .relaxed) == 77, "the host's handler has no siginfo")
        }
        try Signals.send(.user1, to: .currentProcess)
        _ = try await next(events)
        try require(hostCount.load(ordering: .sequentiallyConsistent) == 1, "chained after the scope that asked")
    }
    try await raised(.user1)
    try require(hostCount.load(ordering: .sequentiallyConsistent) == 2, "the host's handler is not back")
    // errno of the interrupted code is its own while our handler runs, whatever the chained one does.
    try await Signals.with(.user1, chaining: true) { events in
        let kept = try await raised(.user1)
        try require(kept == ENOTTY, "errno is \(kept) after the handler")
        _ = try await next(events)
    }
    return 0
}

/// The child of a fork does what the process did before, and its signals are not the parent's.
@Sendable func forked(_ arguments: [String]) async throws -> Int32 {
    _ = Glibc.signal(SIGUSR2, SIG_IGN)
    return try await Signals.with(.user1, .user2) { events in
        let ignoring = try statusOfFork {
            unblock(.user2)
            raise(SIGUSR2)
            return 7
        }
        let ending = try statusOfFork {
            unblock(.user1)
            raise(SIGUSR1)
            return 8
        }
        for (status, expected) in [(ignoring, Int32(7 << 8)), (ending, SIGUSR1)] {
            try require(status == expected, "a child ended with \(status) instead of \(expected)")
        }
        try require(events.nextIfThere() == nil, "a signal of a child arrived in its parent")
        try Signals.send(.user1, to: .currentProcess)
        let own = try await next(events)
        try require(own.processID == getpid(), "\(own)")
        return 0
    }
}

/// Becomes a program that says which signals it catches and ignores.
@Sendable func executed(_ arguments: [String]) async throws -> Int32 {
    let channel = try SignalChannel(on: .realTimeSignals[0])
    return try await Signals.with(.terminate, .hangUp) { _ in
        let program = "grep -E 'SigCgt|SigIgn' /proc/self/status"
        var words: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("sh"), strdup("-c"), strdup(program), nil]
        unsafe _ = execv("/bin/sh", &words)
        channel.close()
        return 1
    }
}

/// A host that changes the disposition within a scope keeps what it set.
@Sendable func changed(_ arguments: [String]) async throws -> Int32 {
    try await Signals.with(.user1) { _ in install(.user1) }
    try await raised(.user1)
    try require(hostCount.load(ordering: .sequentiallyConsistent) == 1, "the host's new handler is gone")
    return 0
}

/// SIGCHLD tells what became of a child, and a host that ignored it leaves no zombies then either.
@Sendable func children(_ arguments: [String]) async throws -> Int32 {
    try await Signals.with(.child) { events in
        let child = try await ChildProcess.spawn("sh", arguments: ["-c", "exit 3"])
        let exited = try await next(events)
        try require(exited.child == .exited(status: 3) && exited.processID == child.processID, "\(exited)")
        try await child.exitStatus()
        let other = try await ChildProcess.spawn("sleep", arguments: ["1000"])
        try other.send(.stop)
        let stopped = try await next(events)
        try require(stopped.child == .stopped(by: .stop), "\(stopped)")
        try other.send(.continue)
        let continued = try await next(events)
        try require(continued.child == .continued, "\(continued)")
        try other.send(.kill)
        let killed = try await next(events)
        try require(killed.child == .killed(by: .kill) && killed.processID == other.processID, "\(killed)")
        try await other.exitStatus()
    }
    _ = Glibc.signal(SIGCHLD, SIG_IGN)
    try await Signals.with(.child) { events in
        let child = try TestingCalls.fork { 0 }
        let event = try await next(events)
        try require(event.processID == child, "\(event)")
        try require(!hasChildren(), "a zombie is left")
    }
    return 0
}

/// MODE: `ends` with the signal, is `stuck` for a short grace, or `hurries` with a long one; or is `done` by itself.
@Sendable func shutDown(_ arguments: [String]) async throws -> Int32 {
    let mode = arguments[0]
    do {
        let result = try await withGracefulShutdown(
            on: .terminate, .interrupt, grace: mode == "stuck" ? .milliseconds(100) : .seconds(3600)
        ) {
            say("ready \(getpid())")
            if mode == "done" { return 5 }
            do {
                try await Task.sleep(for: .seconds(3600))
            } catch {
                say("asked")
            }
            if mode == "ends" { throw CancellationError() }
            if mode == "returns" { return 6 }
            // Deaf to its cancellation from here on.
            unsafe await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            return 7
        }
        say(result.map { "result \($0)" } ?? "ended")
    } catch let error as IPCError {
        say("\(error.code): \(error.message)")
    }
    return 0
}
