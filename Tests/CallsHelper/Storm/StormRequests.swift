import IPCDistributed
import IPCSharedMemory

/// What the storm's connections run over.
enum StormKind: String, Sendable {
    case unix, ring

    func address(_ folder: String, _ place: Int) throws(IPCError) -> SocketAddress {
        try SocketAddress("unix:\(folder)/callee-\(place)")
    }

    func connect(_ folder: String, _ place: Int, until deadline: Deadline) async throws(IPCError) -> any ByteChannel {
        let address = try address(folder, place)
        switch self {
        case .unix: return try await SocketConnection.connect(to: address, until: deadline).channel()
        case .ring: return try await RingChannel.connect(to: address, until: deadline)
        }
    }
}

/// Does nothing for a while. Doing it twice would be wrong.
struct Ask: CallRequest {
    typealias Reply = UInt64
    static var callName: String { "ask" }
    var number: UInt64
    var pause: Duration
    var bytes: [UInt8] = []

    static func answer(_ number: UInt64, _ bytes: Int) -> UInt64 { number &* 3 &+ UInt64(bytes) }
}

/// The same, at once, on the task that reads.
struct AskShortly: CallRequest {
    typealias Reply = UInt64
    static var callName: String { "ask-shortly" }
    var number: UInt64
}

/// May be done twice.
struct AskAgain: CallRequest {
    typealias Reply = UInt64
    static var callName: String { "ask-again" }
    static var isIdempotent: Bool { true }
    var number: UInt64
}

/// Has the callee ask its caller.
struct AskBack: CallRequest {
    typealias Reply = UInt64
    static var callName: String { "ask-back" }
    var number: UInt64
}

/// What the callee asks then.
struct Back: CallRequest {
    typealias Reply = UInt64
    static var callName: String { "back" }
    var number: UInt64
}

struct Flow: StreamRequest {
    typealias Item = FlowItem
    static var callName: String { "flow" }
    var number: UInt64
    var count: Int
    var size: Int
}

struct FlowItem: Codable, Sendable {
    var number: UInt64
    var index: Int
    var bytes: [UInt8]
}
