import Glibc
import IPCSystem

/// Writes a line to standard output, unbuffered.
func say(_ text: String) {
    let bytes = Array("\(text)\n".utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
}

func exitNow(_ code: Int32) -> Never { exit(code) }

/// __WALL: also children that send another signal than SIGCHLD, as one does that has not reached its exec.
private let allChildren: Int32 = 0x4000_0000

/// Whether this process has a child, dead or alive. Takes nobody's status.
func hasChildren() -> Bool {
    var found = unsafe siginfo_t()
    return unsafe waitid(P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT | allChildren) == 0
}

/// Starts a thread for what blocks or burns.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var thread: pthread_t = 0
    let context = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
    _ = unsafe pthread_create(
        &thread, nil,
        { context in
            unsafe Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
            return nil
        }, context)
    pthread_detach(thread)
}

/// How the child of a fork ends that runs `body`, as waitpid(2) says it.
///
/// A fork copies the locks of the Swift runtime as they are. Where another thread has one at that instant, because it meets
/// a type for the first time, the child waits for ever, which says nothing of what is tested: it is killed, and another
/// one is forked, a few times.
func statusOfFork(_ body: @escaping () -> Int32) throws -> Int32 {
    for _ in 0..<5 {
        let child = try TestingCalls.fork(body)
        var status: Int32 = -1
        for _ in 0..<3000 {
            if unsafe waitpid(child, &status, WNOHANG) == child { return status }
            usleep(5000)
        }
        kill(child, SIGKILL)
        try require(unsafe waitpid(child, &status, 0) == child, "waitpid")
    }
    throw Wrong("each child of a fork hangs")
}

/// Fails the scenario with a reason.
struct Wrong: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws {
    if !condition { throw Wrong(reason()) }
}

/// The open descriptors once nothing is being closed any more, by another thread or after an `await`: they have been the same
/// for a while.
func settledDescriptors() async throws -> [String] {
    var (found, looks) = (openDescriptors(), 0)
    while looks < 20 {
        try await Task.sleep(for: .milliseconds(10))
        let now = openDescriptors()
        looks = now == found ? looks + 1 : 0
        found = now
    }
    return found
}

/// Waits up to a minute for what other threads are just closing, and then insists.
func requireDescriptors(_ before: [String]) async throws {
    let limit = MonotonicClock.nanoseconds + 60_000_000_000
    while openDescriptors() != before, MonotonicClock.nanoseconds < limit {
        try await Task.sleep(for: .milliseconds(10))
    }
    let after = openDescriptors()
    try require(after == before, "descriptors before \(before), after \(after)")
}

/// What each open descriptor of this process is. Without timerfds: the runtime opens one for each clock when a task
/// first sleeps by it, and this library has none.
func openDescriptors() -> [String] {
    (0..<Int32(1024)).compactMap { number in
        var buffer = [CChar](repeating: 0, count: 200)
        let count = unsafe readlink("/proc/self/fd/\(number)", &buffer, 199)
        guard count >= 0 else { return nil }
        let target = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        return target.contains("timerfd") ? nil : "\(number)=\(target)"
    }
}
