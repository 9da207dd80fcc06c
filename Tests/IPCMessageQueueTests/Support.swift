import IPCMessageQueue
import IPCProcess
import IPCSystem
import Testing

/// The folder of this package's programs.
let programFolder: String = {
    let runner = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
    return String(runner[..<(runner.lastIndex(of: "/") ?? runner.startIndex)])
}()
let helperPath = programFolder + "/ipc-test-helper"

func freshName() -> String { "/ipc-test-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))" }

func freshKey() throws -> SystemVQueueKey { try SystemVQueueKey(Int32.random(in: 1 ... .max)) }

/// A small POSIX queue of its own for `body`, removed afterwards: all queues of a user together are bounded.
func withPOSIXQueue<Result>(
    _ options: POSIXQueueOptions = POSIXQueueOptions(capacity: 10, maximumMessageSize: 512),
    _ body: (POSIXMessageQueue, String) async throws -> Result
) async throws -> Result {
    let name = freshName()
    let queue = try POSIXMessageQueue(named: name, .create, options: options)
    defer {
        queue.close()
        try? POSIXMessageQueue.remove(named: name)
    }
    return try await body(queue, name)
}

/// A System V queue of its own for `body`, removed afterwards.
func withSystemVQueue<Result>(
    _ options: SystemVQueueOptions = SystemVQueueOptions(),
    _ body: (SystemVMessageQueue, SystemVQueueKey) async throws -> Result
) async throws -> Result {
    let key = try freshKey()
    let queue = try SystemVMessageQueue(key, .create, options: options)
    defer {
        queue.close()
        try? SystemVMessageQueue.remove(identifier: queue.identifier)
    }
    return try await body(queue, key)
}

extension QueueMessage<[UInt8]> {
    init(_ text: String, priority: Int = 0, type: Int = 1) {
        self.init(payload: Array(text.utf8), priority: priority, type: type)
    }

    var text: String { String(decoding: payload, as: UTF8.self) }
}

/// The error that `body` throws.
func failure<Result>(_ body: () async throws -> Result) async -> IPCError? {
    do {
        _ = try await body()
        return nil
    } catch {
        let known = error as? IPCError
        #expect(known != nil, "another error than the library's: \(error)")
        return known
    }
}

/// Runs what blocks on a thread of its own, and waits for it without blocking one of Swift's.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async throws -> Result {
    try unsafe await withUnsafeThrowingContinuation { continuation in
        do {
            try SystemThread.start("test-blocks") { unsafe continuation.resume(returning: body()) }
        } catch {
            unsafe continuation.resume(throwing: error)
        }
    }
}

/// A limit for waits that must come to something.
var soon: Deadline { .after(.seconds(60)) }

/// Runs a scenario of the helper program to its end and expects that it found nothing wrong.
@discardableResult
func expectScenario(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
    let output = try await Command(.path(helperPath), arguments: arguments).output(until: .after(.seconds(240)))
    #expect(output.status.isSuccess, "\(output.text)\(output.errorText)", sourceLocation: sourceLocation)
    return output.text
}
