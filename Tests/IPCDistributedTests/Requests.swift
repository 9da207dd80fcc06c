import IPCDistributed
import IPCSystem

enum StoreError: Error, Codable, Equatable {
    case missing(String)
}

struct Echo: CallRequest {
    typealias Reply = [UInt8]
    var bytes: [UInt8]
}

struct Get: CallRequest {
    typealias Reply = String
    typealias Failure = StoreError
    static var isIdempotent: Bool { true }
    var key: String
}

struct Fail: CallRequest {
    typealias Reply = NoReply
    var how: Int
}

struct Wait: CallRequest {
    typealias Reply = NoReply
}

struct Note: CallRequest {
    typealias Reply = NoReply
    var text: String
}

struct Count: StreamRequest {
    typealias Item = Int
    typealias Failure = StoreError
    var end: Int
}

struct Unknown: CallRequest {
    typealias Reply = Int
}

struct Oops: Error { var text: String }

/// What happened in handlers.
final class Log: Sendable {
    private let entries = Lock<[String]>([])
    func note(_ text: String) { entries.withLock { $0.append(text) } }
    var all: [String] { entries.withLock { $0 } }
    func has(_ text: String) async throws {
        while !all.contains(text) { try await Task.sleep(for: .milliseconds(3)) }
    }
}

func addHandlers(_ handlers: inout CallHandlers, _ log: Log) {
    handlers.on(Echo.self, isShort: true) { request, _ in request.bytes }
    handlers.on(Get.self) { request, _ in
        guard request.key == "a" else { throw StoreError.missing(request.key) }
        return "value of a"
    }
    handlers.on(Fail.self) { request, _ in
        switch request.how {
        case 0: throw IPCError(.notFound, "no such thing")
        case 1: throw Oops(text: "of its own")
        default: throw CancellationError()
        }
    }
    handlers.on(Wait.self) { _, context in
        log.note(context.deadline == .never ? "waits" : "waits with a deadline")
        do {
            try await Task.sleep(for: .seconds(600))
        } catch {
            log.note("cancelled")
            throw error
        }
    }
    handlers.on(Note.self) { request, _ in log.note(request.text) }
    handlers.on(Count.self) { request, numbers, _ in
        for number in 0..<min(request.end, 1000) {
            try await numbers.send(number)
            log.note("sent \(number)")
        }
        if request.end > 1000 { throw StoreError.missing("the rest") }
    }
}
