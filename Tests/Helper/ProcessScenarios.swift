import Glibc
import IPCProcess
import IPCSystem
import Synchronization

let processScenarios: [String: Scenario] = [
    "spawn-churn": spawnChurn,
    "drop-handles": dropHandles,
    "spawn-and-stay": spawnAndStay,
    "stolen-status": stolenStatus,
    "host-children": hostChildren,
    "descriptor-races": descriptorRaces,
    "replaced": replaced,
    "signal-state": signalState,
    "swapped-streams": swappedStreams,
    "spawn-faults": spawnFaults,
]

/// `spawn-churn COUNT`: as many failing and as many succeeding spawns beside eight busy threads; then no child and no
/// descriptor may be left.
private func spawnChurn(_ arguments: [String]) async throws -> Int32 {
    let count = Int(arguments[0]) ?? 0
    try await warmUp()
    let before = try await settledDescriptors()
    let isOver = Atomic<Bool>.Shared(false)
    for _ in 0..<8 { startThread { burn(until: isOver) } }
    for index in 0..<count {
        let status = try await Command("/bin/true", options: .init(standardOutput: .null)).run()
        try require(status.isSuccess, "true \(status)")
        do {
            _ = try await ChildProcess.spawn(
                index.isMultiple(of: 2) ? "/nonexistent/program" : "/",
                options: .init(standardInput: .pipe, standardOutput: .pipe))
            throw Wrong("a program that is not there was started")
        } catch let error as IPCError {
            try require(error.code == (index.isMultiple(of: 2) ? .notFound : .permissionDenied), "\(error)")
        }
    }
    isOver.value.store(true, ordering: .relaxed)
    try require(!hasChildren(), "children are left")
    try await requireDescriptors(before)
    return 0
}

/// The first use opens what stays open: this library's poller, the one of the runtime's timers.
private func warmUp() async throws {
    _ = try await Command("true").output()
    try await Task.sleep(for: .milliseconds(1))
}

/// Allocates, prints and changes signal handlers: whatever a child must not be caught in the middle of.
private func burn(until isOver: Atomic<Bool>.Shared) {
    var text = ""
    while !isOver.value.load(ordering: .relaxed) {
        text = String(repeating: "x", count: Int.random(in: 1...500))
        signal(SIGUSR2, text.count.isMultiple(of: 2) ? SIG_IGN : SIG_DFL)
        let file = unsafe fopen("/dev/null", "w")
        unsafe fputs(text, file)
        unsafe fclose(file)
    }
}

/// `drop-handles COUNT`: children whose handles are dropped while they run leave no zombie and no descriptor.
private func dropHandles(_ arguments: [String]) async throws -> Int32 {
    try await warmUp()
    let before = try await settledDescriptors()
    for _ in 0..<(Int(arguments[0]) ?? 0) {
        _ = try await ChildProcess.spawn(
            "sleep", arguments: ["0.05"], options: .init(standardInput: .pipe, standardOutput: .pipe))
    }
    for _ in 0..<6000 where hasChildren() { try await Task.sleep(for: .milliseconds(10)) }
    try require(!hasChildren(), "a zombie is left")
    try await requireDescriptors(before)
    return 0
}

/// `spawn-and-stay [detached]`: starts a child that would stay for long, tells its process id, and stays itself until it
/// is killed.
private func spawnAndStay(_ arguments: [String]) async throws -> Int32 {
    var options = ChildProcess.Options(standardOutput: .null, standardError: .null)
    options.diesWithParent = arguments.isEmpty
    let child = try await ChildProcess.spawn("sleep", arguments: ["600"], options: options)
    say("\(child.processID)")
    try await child.exitStatus()
    return 0
}

/// `stolen-status [forgotten]`: a thread of the host takes the status of every child. With `forgotten`, the kernel is
/// one that does not remember it.
private func stolenStatus(_ arguments: [String]) async throws -> Int32 {
    startThread {
        while true {
            if waitpid(-1, nil, 0) < 0 { usleep(1000) }
        }
    }
    for round in 0..<20 {
        let child = try await ChildProcess.spawn("sh", arguments: ["-c", "sleep 0.02; exit \(round)"])
        while kill(child.processID, 0) == 0 { try await Task.sleep(for: .milliseconds(5)) }
        if arguments == ["forgotten"] {
            let fault = FaultInjection.Fault(.ioctl, errno: Errno.invalid, count: .max)
            let error = await FaultInjection.with([fault]) { () async -> IPCError? in
                do throws(IPCError) {
                    _ = try await child.exitStatus()
                    return nil
                } catch {
                    return error
                }
            }
            try require(error?.code == .statusUnavailable, "\(String(describing: error))")
        } else {
            let status = try await child.exitStatus()
            try require(status == .exited(Int32(round)), "\(status)")
        }
    }
    return 0
}

/// The host's own child, started beside this library, keeps its status for the host.
private func hostChildren(_ arguments: [String]) async throws -> Int32 {
    var processes: [pid_t] = []
    for code in 0..<5 {
        var process: pid_t = 0
        var strings: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("sh"), strdup("-c"), strdup("exit \(code)"), nil]
        let result = unsafe posix_spawn(&process, "/bin/sh", nil, nil, &strings, environ)
        try require(result == 0, "posix_spawn \(result)")
        processes.append(process)
        for _ in 0..<20 { _ = try await Command("true").run() }
    }
    for (code, process) in processes.enumerated() {
        var status: Int32 = 0
        let taken = unsafe waitpid(process, &status, 0)
        try require(taken == process && (status >> 8) & 0xff == Int32(code), "\(taken) \(status)")
    }
    return 0
}

/// `descriptor-races COUNT`: a thread opens descriptors that survive exec while children are started; they get none.
private func descriptorRaces(_ arguments: [String]) async throws -> Int32 {
    let isOver = Atomic<Bool>.Shared(false)
    startThread {
        while !isOver.value.load(ordering: .relaxed) {
            var ends: [Int32] = [0, 0]
            if unsafe pipe(&ends) == 0 { ends.forEach { close($0) } }
        }
    }
    for _ in 0..<(Int(arguments[0]) ?? 0) {
        let output = try await Command("ls", "/proc/self/fd").output()
        // The fourth is the directory that ls reads.
        try require(output.text == "0\n1\n2\n3\n", output.text)
    }
    isOver.value.store(true, ordering: .relaxed)
    return 0
}

/// A host that ignores signals, among them the two that the C library keeps for itself, and blocks another.
private func signalState(_ arguments: [String]) async throws -> Int32 {
    for number in [SIGINT, SIGPIPE, SIGCHLD, 40] { signal(number, SIG_IGN) }
    var mask = sigset_t()
    unsafe sigaddset(&mask, SIGUSR1)
    unsafe pthread_sigmask(SIG_BLOCK, &mask, nil)
    // posix_spawn leaves 32 and 33 ignored in the child; one that it starts is the host for this purpose.
    if arguments.isEmpty {
        var process: pid_t = 0
        var strings: [UnsafeMutablePointer<CChar>?] = unsafe [
            strdup(CommandLine.arguments[0]), strdup("signal-state"), strdup("inner"), nil,
        ]
        signal(SIGCHLD, SIG_DFL)
        guard unsafe posix_spawn(&process, CommandLine.arguments[0], nil, nil, &strings, environ) == 0 else { return 3 }
        var status: Int32 = 0
        guard unsafe waitpid(process, &status, 0) == process else { return 4 }
        return status == 0 ? 0 : 1
    }
    let own = try await Command("grep", "^SigIgn", "/proc/\(getpid())/status").output().text
    try require(own != "SigIgn:\t0000000000000000\n", "the host was to ignore signals: \(own)")
    let states = try await Command("grep", "^Sig[BI]", "/proc/self/status").output().text
    try require(
        states == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", "\(states) where the host had \(own)")
    return 0
}

/// Its child's standard output is this process's standard error, and the other way round: each is where the other must
/// go.
private func swappedStreams(_ arguments: [String]) async throws -> Int32 {
    let options = ChildProcess.Options(standardOutput: .descriptor(2), standardError: .descriptor(1))
    return try await Command("sh", "-c", "echo output; echo error >&2", options: options).run().shellCode
}

/// Each system call on the way to a child fails in turn: an error, and nothing left behind.
private func spawnFaults(_ arguments: [String]) async throws -> Int32 {
    try await warmUp()
    let before = try await settledDescriptors()
    let calls: [SystemCall] = [.pipe2, .open, .fcntl, .clone]
    for call in calls {
        for first in 1...12 {
            let fault = FaultInjection.Fault(call, errno: Errno.tooManyOpenFiles, first: first)
            let (error, hits) = await FaultInjection.with([fault]) { () async -> (IPCError?, Int) in
                do throws(IPCError) {
                    _ = try await ChildProcess.spawn(
                        "true", options: .init(standardInput: .pipe, standardOutput: .pipe, standardError: .null))
                    return (nil, FaultInjection.tally.failed)
                } catch {
                    return (error, FaultInjection.tally.failed)
                }
            }
            try require(
                hits == 0 || error?.code == .resourceExhausted, "\(call) \(first): \(String(describing: error))")
            try require(first > 1 || hits == 1, "\(call) was not called")
        }
    }
    for _ in 0..<6000 where hasChildren() { try await Task.sleep(for: .milliseconds(10)) }
    try require(!hasChildren(), "children are left")
    try await requireDescriptors(before)
    return 0
}

/// Replaces its own file by another program, and then starts itself with an argument.
private func replaced(_ arguments: [String]) async throws -> Int32 {
    if arguments == ["again"] {
        say("still the same")
        return 0
    }
    let path = CommandLine.arguments[0]
    try await Command("mv", "\(path)", "\(path).old").run().checked()
    try await Command("cp", "/bin/false", path).run().checked()
    return try await Command(.current, "replaced", "again").run().shellCode
}

extension Atomic where Value == Bool {
    /// An atomic flag that closures can share.
    final class Shared: Sendable {
        let value: Atomic<Bool>
        init(_ value: Bool) { self.value = Atomic(value) }
    }
}
