import IPCCore

typealias TestState = CallState<String, String>

extension CallState<String, String> {
    static func make(requests: Int = 8, messageSize: Int = 1 << 20, window: Int = 1 << 16) -> TestState {
        TestState(limits: CallLimits(requests: requests, messageSize: messageSize, window: window))
    }

    /// What this side has to send.
    mutating func takeOutput() -> [[UInt8]] {
        var packets: [[UInt8]] = []
        var packet = beginSending()
        while let sent = packet {
            packets.append(sent)
            packet = didSend().packet
        }
        return packets
    }

    mutating func receive(_ bytes: [UInt8]) throws(IPCError) -> [Action] {
        var actions: [Action] = []
        try unsafe receive(bytes.span.bytes, into: &actions)
        return actions
    }
}

/// Two ends, joined by hand.
struct CallPair {
    var caller = TestState.make()
    var callee = TestState.make()
    /// What the ends asked for, oldest first.
    var callerActions: [String] = []
    var calleeActions: [String] = []

    /// Carries everything across until both are silent.
    mutating func pump() throws(IPCError) {
        while true {
            let requests = caller.takeOutput()
            for packet in requests { calleeActions += try callee.receive(packet).compactMap(\.text) }
            let answers = callee.takeOutput()
            for packet in answers { callerActions += try caller.receive(packet).compactMap(\.text) }
            if requests.isEmpty && answers.isEmpty { return }
        }
    }

    mutating func begin(
        _ method: UInt32 = 1, _ payload: [UInt8] = [], until deadline: Deadline = .never, window: Int = 0
    ) throws(IPCError) -> UInt64 {
        try caller.begin(method: method, payload: payload, until: deadline, window: window).id
    }
}

extension CallState<String, String>.Action {
    /// The action in a form to compare; nil for `flush` and `arm`.
    var text: String? {
        switch self {
        case .resume(let waiter, let event): "resume \(waiter) \(event.text)"
        case .start(let request): "start \(request.id) method \(request.method) \(request.payload)"
        case .cancel(let job): "cancel \(job)"
        case .flush, .arm: nil
        }
    }
}

extension CallEvent {
    var text: String {
        switch self {
        case .reply(let bytes): "reply \(bytes)"
        case .item(let bytes): "item \(bytes)"
        case .end: "end"
        case .failure(let failure): "failure \(failure.error.code)"
        case .credit: "credit"
        case .greeted: "greeted"
        case .idle: "idle"
        }
    }
}
