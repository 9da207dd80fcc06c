/// Messages one after the other: order, boundaries, sizes.
enum MessageCases {
    static func order(_ context: ConformanceContext) async throws {
        let count = 1_000
        try await context.eachWay { way in
            try await context.together([
                {
                    var generator = context.generator
                    for index in 0..<count {
                        try await way.send(
                            Record.bytes(sender: 0, index: index, size: context.recordSize(&generator)))
                    }
                },
                {
                    var ledger = Ledger(context)
                    try await way.receiveRecords(count, into: &ledger)
                },
            ])
            try await way.expectNothingMore()
        }
    }

    /// Sizes around those at which buffers end, and many small ones at once, which a reader finds together.
    static func boundaries(_ context: ConformanceContext) async throws {
        let edges = [
            1, 2, 3, 7, 8, 9, 63, 64, 65, 255, 256, 257, 4095, 4096, 4097, 8191, 16384, 65535, 65536, 65537, 131_072,
        ].filter { $0 <= context.guarantees.maximumMessageSize }
        let sizes = edges + [Int](repeating: 1, count: 200) + edges.reversed()
        try await context.eachWay { way in
            try await context.together([
                {
                    for (index, size) in sizes.enumerated() {
                        try await way.send([UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size))
                    }
                },
                {
                    for (index, size) in sizes.enumerated() {
                        let expected = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size)
                        try await way.expect(expected, "message \(index) alone and whole")
                    }
                },
            ])
            try await way.expectNothingMore()
        }
    }

    static func emptyMessage(_ context: ConformanceContext) async throws {
        let messages: [[UInt8]] = [[], [1], [], [], [2, 3], []]
        try await context.eachWay { way in
            try await context.together([
                { for message in messages { try await way.send(message) } },
                {
                    for (index, message) in messages.enumerated() {
                        try await way.expect(message, "message \(index) of \(messages.map(\.count)) bytes")
                    }
                },
            ])
            try await way.expectNothingMore()
        }
    }

    static func largestMessage(_ context: ConformanceContext) async throws {
        let size = context.guarantees.maximumMessageSize
        try await context.eachWay { way in
            let largest = Record.bytes(sender: 1, index: 2, size: size)
            let tooLarge = [UInt8](repeating: 7, count: size + 1)
            try await refuses(tooLarge, way)
            try await context.together([
                { try await way.send(largest) },
                { try await way.expect(largest, "the largest message") },
            ])
            // What was refused left nothing behind, before and after.
            try await refuses(tooLarge, way)
            try await context.together([
                { try await way.send([9]) },
                { try await way.expect([9], "the message after the refused ones") },
            ])
            try await way.expectNothingMore()
        }
    }

    private static func refuses(_ message: [UInt8], _ way: Way) async throws {
        let context = way.context
        let forms: [(String, () async throws -> Void)] = [
            ("send", { try await way.send(message) }),
            ("trySend", { _ = try way.plainSender.trySend(message) }),
            ("send of a span", { try await unsafe way.sender.send(message.span.bytes, until: context.limit) }),
            (
                "send in place",
                {
                    try await way.sender.send(byteCount: message.count, until: context.limit) { span in
                        Record.write(message, into: &span)
                    }
                }
            ),
        ]
        for (name, form) in forms {
            let error = try await context.expectError(
                [.messageTooLarge], "\(name) of \(message.count) bytes", form)
            try context.expect(
                error.message.contains("\(context.guarantees.maximumMessageSize)"),
                "an error that names the limit \(context.guarantees.maximumMessageSize)", "\(error)")
        }
    }

    /// Messages of all sizes are tried into a channel that is now fuller and now emptier: each is sent or it is not.
    private static func triedSizes(_ context: ConformanceContext) async throws {
        try await context.eachWay { way in
            var generator = context.generator
            var ledger = Ledger(context)
            var reassembler = Reassembler(context)
            var sent = 0
            for _ in 0..<1_500 {
                if generator.next() % 2 == 0 {
                    let size = generator.next() % 4 == 0 ? context.overflowingSize : context.recordSize(&generator)
                    let record = Record.bytes(sender: 0, index: sent, size: size)
                    if try way.plainSender.trySend(record) { sent += 1 }
                } else if case .message(let chunk) = try way.plainReceiver.tryReceive() {
                    for record in reassembler.add(chunk) { try ledger.take(record) }
                }
            }
            try context.expect(sent > 0, "some of 1,500 messages to have room", "none")
            while ledger.count < sent {
                guard let chunk = try await way.receive() else { break }
                for record in reassembler.add(chunk) { try ledger.take(record) }
            }
            try ledger.expect(sent, from: 1)
            try await way.expectNothingMore()
        }
    }

    static func tryForms(_ context: ConformanceContext) async throws {
        try await triedSizes(context)
        try await context.eachWay { way in
            let before = try way.plainReceiver.tryReceive()
            try context.expect(before == .empty, ".empty before the first message", "\(before)")
            let messages = (0..<5).map { Record.bytes(sender: 0, index: $0, size: context.smallSize) }
            for message in messages {
                let limit = context.limit
                let wasSent = try way.plainSender.trySend(message)
                try context.expect(wasSent, "room for one small message", "trySend says no")
                var found: [UInt8] = []
                while found.count < message.count, !limit.hasPassed {
                    switch try way.plainReceiver.tryReceive() {
                    case .message(let bytes): found += bytes
                    case .empty: try await Task.sleep(for: .milliseconds(1))
                    case .finished: throw context.failure("a message", ".finished")
                    }
                }
                try context.expect(found == message, "the message that was sent", "\(found.count) bytes")
            }
            try await way.expectNothingMore()
        }
    }
}
