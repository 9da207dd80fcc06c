/// The end of a channel: finished, or gone.
enum EndCases {
    static func finish(_ context: ConformanceContext) async throws {
        try await context.withPair { pair in
            let ways = context.ways(of: pair)
            for (number, way) in ways.enumerated() {
                let messages = (0..<3).map { Record.bytes(sender: number, index: $0, size: context.smallSize) }
                for message in messages { try await way.send(message) }
                try await way.finish()
                try await refusesSending(way)
                var ledger = Ledger(context)
                try await way.receiveRecords(3, into: &ledger)
                // Again, which does nothing, and the end stays the end. The next direction then goes on as before.
                try await way.expectNothingMore()
            }
        }
        guard context.guarantees.topology == .link else { return }
        try await context.eachWay { way in
            // Whoever waits already hears of the end.
            try await context.together(
                waiters: 3,
                {
                    let message = try await way.receive()
                    try context.expect(message == nil, "nil after finish", "\(message?.count ?? 0) bytes")
                },
                then: { try await way.finish() })
        }
    }

    private static func refusesSending(_ way: Way) async throws {
        let context = way.context
        let message = Record.bytes(sender: 9, index: 0, size: context.smallSize)
        try await context.expectError([.finished], "send after finish") { try await way.send(message) }
        try await context.expectError([.finished], "trySend after finish") { try way.plainSender.trySend(message) }
        try await context.expectError([.finished], "send of a span after finish") {
            try await unsafe way.sender.send(message.span.bytes, until: context.limit)
        }
        try await context.expectError([.finished], "send in place after finish") {
            try await way.sender.send(byteCount: message.count, until: context.limit) { span in
                Record.write(message, into: &span)
            }
        }
        try await context.expectError([.finished], "a batch after finish") {
            try await way.sender.send(contentsOf: [message], until: context.limit)
        }
    }

    /// How a receiver hears of a peer that went without a word.
    static func expectDeath(
        _ receiver: any ReceiveChannel<[UInt8]>, _ context: ConformanceContext, isCut: Bool = false
    ) async throws {
        for attempt in ["receive", "receive again"] {
            if context.guarantees.tellsFinishFromDeath {
                let codes: [IPCError.Code] = isCut ? [.peerClosed, .truncated] : [.peerClosed]
                try await context.expectError(codes, "\(attempt) after the peer is gone") {
                    try await receiver.receive(until: context.limit)
                }
            } else {
                let message = try await receiver.receive(until: context.limit)
                try context.expect(message == nil, "the end after the peer is gone", "\(message?.count ?? 0) bytes")
            }
        }
    }

    /// Takes whole records until the peer's end shows, and returns how many there were.
    private static func recordsUntilDeath(_ way: Way) async throws -> Int {
        let context = way.context
        var ledger = Ledger(context)
        var reassembler = Reassembler(context)
        do {
            while let chunk = try await way.receive() {
                for record in reassembler.add(chunk) { try ledger.take(record) }
            }
            try context.expect(!context.guarantees.tellsFinishFromDeath, "an error when the peer is gone", "nil")
        } catch let error as IPCError {
            let isEnd = error.code == .peerClosed || error.code == .truncated
            try context.expect(isEnd, "peerClosed or truncated when the peer is gone", "\(error)")
        }
        return ledger.count
    }

    static func death(_ context: ConformanceContext) async throws {
        try await context.eachWay { way in
            for index in 0..<3 { try await way.send(Record.bytes(sender: 0, index: index, size: context.smallSize)) }
            way.sender.close()
            var ledger = Ledger(context)
            try await way.receiveRecords(3, into: &ledger)
            try await expectDeath(way.receiver, context)
        }
        try await context.eachWay { way in
            // Whoever waits already hears of it.
            try await context.together(
                waiters: 3, { try await expectDeath(way.receiver, context) }, then: { way.sender.close() })
        }
        try await context.eachWay { way in
            // Gone in the middle of a message: what was sent is delivered, a piece of it is not.
            let filled = try await way.fill(size: context.bulkSize)
            try await context.together([
                {
                    try await context.expectError([.closed], "send while its end is closed") {
                        for index in 0..<16 {
                            let size = context.overflowingSize
                            try await way.send(Record.bytes(sender: 1, index: index, size: size))
                        }
                    }
                },
                {
                    try await Task.sleep(for: .milliseconds(20))
                    way.sender.close()
                },
            ])
            // The rest of the last message may have waited behind the mechanism's buffer, and close drops it.
            let delivered = try await recordsUntilDeath(way)
            try context.expect(delivered >= filled - 1, "the \(filled) messages that were sent", "\(delivered)")
            try await expectDeath(way.receiver, context, isCut: true)
        }
        try await context.eachWay { way in
            // Finished first, then gone: that was an end.
            try await way.send(Record.bytes(sender: 0, index: 0, size: context.smallSize))
            try await way.finish()
            way.sender.close()
            var ledger = Ledger(context)
            try await way.receiveRecords(1, into: &ledger)
            let message = try await way.receive()
            try context.expect(message == nil, "nil after finish and close", "\(message?.count ?? 0) bytes")
        }
    }

    static func peerGone(_ context: ConformanceContext) async throws {
        let disposition = MemoryUse.dispositionOfSIGPIPE
        try await context.eachWay { way in
            way.receiver.close()
            try await expectPeerClosed(way.sender, context)
            try await context.expectError([.peerClosed], "trySend to a peer that is gone") {
                try way.plainSender.trySend([1])
            }
            try await context.expectError([.peerClosed], "a batch to a peer that is gone") {
                try await way.sender.send(contentsOf: [[1], [2]], until: context.limit)
            }
        }
        try await context.eachWay { way in
            // Whoever waits for room hears of it.
            _ = try await way.fill(size: context.bulkSize)
            try await context.together(
                waiters: 2, { try await expectPeerClosed(way.sender, context) }, then: { way.receiver.close() })
        }
        let after = MemoryUse.dispositionOfSIGPIPE
        try context.expect(after == disposition, "SIGPIPE left as it was, \(disposition)", "\(after)")
    }

    /// Sends until the peer's absence shows: it may take a message or two where the news travels.
    static func expectPeerClosed(
        _ sender: any SendChannel<[UInt8]>, _ context: ConformanceContext
    ) async throws {
        try await context.expectError([.peerClosed], "send to a peer that is gone") {
            let limit = context.limit
            var count = 0
            while !limit.hasPassed {
                try await sender.send(Record.bytes(sender: 5, index: count, size: context.smallSize), until: limit)
                count += 1
                if count > 1_000 { try await Task.sleep(for: .milliseconds(1)) }
            }
        }
    }
}
