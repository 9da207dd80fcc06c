import Glibc
import IPCSystem
import IPCWorkers

/// `pool-on-an-old-kernel`: processes that workers have started end with them, by a crash and in good order, also where
/// the kernel does not send signals to the group of a pidfd: before Linux 6.9.
func poolOnAnOldKernel(_ arguments: [String]) async throws -> Int32 {
    try refuseSignalsToGroupsOfPidfds()
    let families = try await withWorkerPool(of: .exactly(1), options: .patient) { pool in
        let first = try await pool.run(StartChild())
        do {
            _ = try await pool.run(Crash(way: .kill))
        } catch {
            try require((error as? IPCError)?.code == .workerCrashed, "the crash: \(error)")
        }
        return [first, try await pool.run(StartChild())]
    }
    var left = families
    for _ in 0..<6000 where !left.isEmpty {
        left.removeAll { isGone($0) }
        try await Task.sleep(for: .milliseconds(10))
    }
    for process in left { kill(process, SIGKILL) }
    try require(left.isEmpty, "\(left) of \(families) are left")
    return 0
}

private func isGone(_ process: Int32) -> Bool {
    guard let bytes = try? TestingCalls.contents(of: "/proc/\(process)/stat") else { return true }
    let text = String(decoding: bytes, as: UTF8.self)
    return text[(text.lastIndex(of: ")") ?? text.startIndex)...].dropFirst(2).first == "Z"
}

/// From here on pidfd_send_signal(2) has no flags, in this process and those that it starts. seccomp(2).
private func refuseSignalsToGroupsOfPidfds() throws {
    typealias ProcessControl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
    typealias SystemCall = @convention(c) (Int, UInt, UInt, UnsafeRawPointer?) -> Int
    /// One step of the filter: what it does, where it goes on if so and if not, and with which value.
    func step(_ code: UInt64, _ value: UInt64, ifNot skipped: UInt64 = 0) -> UInt64 {
        code | skipped << 24 | value << 32
    }
    // SAFETY: the types are those of prctl(2) and syscall(2) as they are called here.
    guard let control = unsafe dlsym(nil, "prctl"), let call = unsafe dlsym(nil, "syscall") else {
        throw Wrong("the C library has no prctl")
    }
    let prctl = unsafe unsafeBitCast(control, to: ProcessControl.self)
    let syscall = unsafe unsafeBitCast(call, to: SystemCall.self)
    let filter = [
        step(0x20, 0),  // the number of the call
        step(0x15, 424, ifNot: 3),  // pidfd_send_signal?
        step(0x20, 40),  // its flags
        step(0x15, 4, ifNot: 1),  // PIDFD_SIGNAL_PROCESS_GROUP?
        step(0x06, 0x0005_0000 | UInt64(EINVAL)),
        step(0x06, 0x7fff_0000),
    ]
    let outcome = unsafe filter.withUnsafeBytes { steps in
        // A count, and where they are.
        let program = [UInt(filter.count), UInt(bitPattern: steps.baseAddress)]
        return unsafe program.withUnsafeBytes { program in
            // PR_SET_NO_NEW_PRIVS; seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC).
            prctl(38, 1, 0, 0, 0) == 0 ? unsafe syscall(317, 1, 1, program.baseAddress) : -1
        }
    }
    try require(outcome == 0, "seccomp: \(outcome)")
}
