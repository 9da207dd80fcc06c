import IPCSystem

/// Runs `body`; when it is not over after `limit`, says where on standard error and ends the process with SIGABRT.
///
/// A task that is stuck does not see cancellation, and a pool whose threads are blocked runs nothing else. So the watch is
/// kept by a thread of this library, and it ends the process rather than throw: a hang becomes a failure with a name.
/// Before that it lists the threads with what each waits for in the kernel, and the open descriptors.
///
/// - Parameters:
///   - limit: generous: a multiple of what `body` takes on a loaded machine.
///   - name: what is printed; the place of the call otherwise.
///   - fileID: the place of the call.
///   - line: the place of the call.
///   - body: what is watched.
/// - Throws: what `body` throws; `IPCError` with `.resourceExhausted` when no thread can be started.
public func withWatchdog<Result>(
    _ limit: Duration, _ name: String? = nil, fileID: StaticString = #fileID, line: UInt = #line,
    _ body: () async throws -> Result
) async throws -> Result {
    let word = FutexWord()
    let deadline = Deadline.after(limit).nanoseconds
    let place = "\(name ?? "watched code") at \(fileID):\(line)"
    try mapping("start the watchdog") { () throws(SystemCallError) in
        try SystemThread.start("ipc-watchdog") {
            while word.value == 0 {
                if MonotonicClock.nanoseconds >= deadline { Watchdog.bark(place, limit) }
                word.wait(while: 0, until: deadline)
            }
        }
    }
    defer {
        word.store(1)
        word.wake()
    }
    return try await body()
}

enum Watchdog {
    /// Prints what is known and ends the process.
    static func bark(_ place: String, _ limit: Duration) -> Never {
        TestingCalls.report(
            """

            watchdog: not over after \(limit): \(place)
            threads: \(threads.joined(separator: "; "))
            \(DescriptorCensus.take())

            """)
        TestingCalls.abort()
    }

    /// Each thread of the process: number, name, and the kernel function in which it sleeps.
    static var threads: [String] {
        let names = (try? DirectoryCalls.names(in: "/proc/self/task").names) ?? []
        return names.compactMap { Int($0) }.sorted().map { thread in
            let name = line("/proc/self/task/\(thread)/comm")
            let place = line("/proc/self/task/\(thread)/wchan")
            return "\(thread) \(name) in \(place.isEmpty || place == "0" ? "user code" : place)"
        }
    }

    private static func line(_ path: String) -> String {
        let contents = (try? TestingCalls.contents(of: path)) ?? []
        return String(decoding: contents.prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }, as: UTF8.self)
    }
}
