import Glibc

/// Writes a line to standard output, unbuffered.
func say(_ text: String) {
    let bytes = Array("\(text)\n".utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
}

func exitNow(_ code: Int32) -> Never { exit(code) }

/// How many descriptors this process has open.
func openDescriptorCount() -> Int {
    var count = 0
    for number in 0..<Int32(1024) where fcntl(number, F_GETFD) >= 0 { count += 1 }
    return count
}

/// Whether this process has a child, dead or alive. Takes nobody's status.
func hasChildren() -> Bool {
    var found = siginfo_t()
    return unsafe waitid(P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT) == 0
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

/// Fails the scenario with a reason.
struct Wrong: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws {
    if !condition { throw Wrong(reason()) }
}
