import Glibc
import IPCSignals
import IPCWorkers

let supervisedScenarios: [String: Scenario] = [
    "supervised": supervised,
    "supervisor": superviseUntilSignal,
]

/// `supervised MODE LOG NAME`: a child of a supervisor, which writes down what it does.
private func supervised(_ arguments: [String]) async throws -> Int32 {
    let (mode, log, name) = (arguments[0], arguments[1], arguments[2])
    note("start \(name)", log)
    return try await Signals.with(.terminate) { events in
        // Whoever starts the next one too early is seen in the log.
        try await Task.sleep(for: .milliseconds(30))
        note("ready \(name)", log)
        try require(try await Readiness.announce("serving"), "there is nobody to tell")
        if mode == "quiet-after-a-while" {
            let interval = Readiness.watchdogInterval ?? .zero
            try require(interval > .zero, "no watchdog is asked for")
            for _ in 0..<3 {
                try await Task.sleep(for: interval)
                try await Readiness.keepAlive()
            }
        }
        _ = try await events.next()
        note("stop \(name)", log)
        return 0
    }
}

private func note(_ text: String, _ path: String) {
    let file = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT, 0o600)
    let bytes = Array("\(text)\n".utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
    close(file)
}

/// `supervisor`: says the process ids of its children when they are ready, and stays until it is told to end.
/// `supervisor FILE`: has a child that writes its process id to the file, and one that never is ready.
private func superviseUntilSignal(_ arguments: [String]) async throws -> Int32 {
    let children: [SupervisedChild] =
        if let file = arguments.first {
            [
                .program(
                    "a", "sh", arguments: ["-c", "echo $$ > \(file).new; mv \(file).new \(file); exec sleep 600"]),
                .program("b", "sleep", arguments: ["600"], readyWhen: .announced(within: .seconds(600))),
            ]
        } else {
            [
                .program("a", "sleep", arguments: ["600"]),
                .supervisor("inner", [.program("b", "sleep", arguments: ["600"])]),
            ]
        }
    try await runSupervisor(children) { supervisor in
        say(supervisor.children.compactMap { $0.processID.map(String.init) }.joined(separator: " "))
    }
    return 0
}
