/// A stream of a few messages and the end, to be cut anywhere.
struct CutStream {
    let messages = [Record.bytes(sender: 0, index: 0, size: 8), [], Record.bytes(sender: 0, index: 1, size: 21)]
    /// All of it.
    let bytes: [UInt8]
    /// Where each message ends.
    let ends: [Int]
    private let openingCount: Int
    private let hasFinish: Bool

    init(_ wire: ConformanceWire) {
        var bytes = wire.opening
        var ends: [Int] = []
        for message in messages {
            bytes += wire.frame(message)
            ends.append(bytes.count)
        }
        self.bytes = bytes + (wire.finish ?? [])
        self.ends = ends
        openingCount = wire.opening.count
        hasFinish = wire.finish != nil
    }

    /// What is received of the first `cut` bytes, and how it ends.
    func expect(of receiver: any ReceiveChannel<[UInt8]>, cutAt cut: Int, _ context: ConformanceContext) async throws {
        for index in ends.indices where ends[index] <= cut {
            let message = try await receiver.receive(until: context.limit)
            try context.expect(
                message == messages[index], "message \(index) before the stream ends at byte \(cut)",
                message.map { "\($0.count) bytes" } ?? "the end")
        }
        let isWhole = cut == openingCount || ends.contains(cut)
        let isFinished = hasFinish ? cut == bytes.count : isWhole
        for _ in 0..<2 {
            if isFinished {
                let message = try await receiver.receive(until: context.limit)
                try context.expect(message == nil, "nil at the end", "\(message?.count ?? 0) bytes")
                continue
            }
            // Inside the handshake there is no message yet to be cut.
            let codes: [IPCError.Code] =
                cut < openingCount
                ? [.peerClosed, .truncated, .handshakeFailed] : [isWhole ? .peerClosed : .truncated]
            try await context.expectError(codes, "receive when the stream ends at byte \(cut)") {
                try await receiver.receive(until: context.limit)
            }
        }
    }
}
