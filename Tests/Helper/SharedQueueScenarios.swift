import IPCMessageQueue
import IPCSharedMemory
import IPCSystem

let sharedQueueScenarios: [String: Scenario] = [
    "queue-storm": queueStorm,
    "queue-interruptions": queueInterruptions,
    "queue-lease": leaseForEver,
    "queue-die": sendAndReceiveForEver,
    "queue-send-narrow": sendNarrow,
]

/// `queue-send-narrow NAME COUNT`: that many threads send one message of one block each and say so. There is no backstop: a
/// wake-up that does not come is a hang.
private func sendNarrow(_ arguments: [String]) async throws -> Int32 {
    Backstop.switchOff()
    let queue = try await SharedQueue(at: .named(arguments[0]), .open)
    let count = Int(arguments[1]) ?? 1
    for index in 0..<count {
        startThread {
            do {
                try queue.sendBlocking(QueueMessage(payload: [UInt8(truncatingIfNeeded: index)]))
                say("sent")
            } catch {
                say("\(error)")
            }
        }
    }
    try await Task.sleep(for: .seconds(100))
    return 0
}

/// `queue-lease PLACE`: takes a message under a lease, says so, and keeps it until it is killed.
private func leaseForEver(_ arguments: [String]) async throws -> Int32 {
    let queue = try await SharedQueue(at: .file(arguments[0]), .open)
    try await queue.withLease { message in
        say("leased \(String(decoding: message.payload, as: UTF8.self)) \(message.deliveryCount)")
        try await Task.sleep(for: .seconds(100))
    }
    return 0
}

/// `queue-die PLACE`: sends and receives until it is killed, at a kill point.
private func sendAndReceiveForEver(_ arguments: [String]) async throws -> Int32 {
    let queue = try await SharedQueue(at: .file(arguments[0]), .open)
    for index in 0..<1000 {
        let size = index % 2 == 0 ? 40 : 6000
        try await queue.send(QueueMessage(payload: [UInt8](repeating: 7, count: size), type: 2))
        do {
            try await queue.withLease(.only(2)) { _ in throw Wrong("given back") }
        } catch {}
        _ = try await queue.receive(.only(2))
        // One that waits in vain.
        _ = try? await queue.receive(.only(3), until: .after(.milliseconds(5)))
    }
    return 5
}
