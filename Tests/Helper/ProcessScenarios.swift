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
]

/// `spawn-churn COUNT`: as many failing and as many succeeding spawns beside eight busy threads; then no child and no
/// descriptor may be left.
private func spawnChurn(_ arguments: [String]) async throws -> Int32 {
    let count = Int(arguments[0]) ?? 0
    try await warmUp()
    let before = openDescriptors()
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
    return try await requireDescriptors(before)
}

/// The first use opens what stays open: this library's poller, the one of the runtime's timers.
private func warmUp() async throws {
    _ = try await Command("true").output()
    try await Task.sleep(for: .milliseconds(1))
}

/// Waits for what other threads are just closing, and then insists.
private func requireDescriptors(_ before: [String]) async throws -> Int32 {
    for _ in 0..<200 where openDescriptors() != before { try await Task.sleep(for: .milliseconds(10)) }
    let after = openDescriptors()
    try require(after == before, "\(after) instead of \(before)")
    return 0
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
    let before = openDescriptors()
    for _ in 0..<(Int(arguments[0]) ?? 0) {
        _ = try await ChildProcess.spawn(
            "sleep", arguments: ["0.05"], options: .init(standardInput: .pipe, standardOutput: .pipe))
    }
    for _ in 0..<1000 where hasChildren() { try await Task.sleep(for: .milliseconds(10)) }
    try require(!hasChildren(), "a zombie is left")
    return try await requireDescriptors(before)
}

/// Starts a child that would stay for long, tells its process id, and stays itself until it is killed.
private func spawnAndStay(_ arguments: [String]) async throws -> Int32 {
    let child = try await ChildProcess.spawn("sleep", arguments: ["600"])
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
