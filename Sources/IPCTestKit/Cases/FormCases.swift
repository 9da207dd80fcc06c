/// The forms beside `send` and `receive`: in place, batches, the sequence.
enum FormCases {
    static func inPlace(_ context: ConformanceContext) async throws {
        try await context.eachWay { way in
            let limit = context.limit
            let message = Record.bytes(sender: 3, index: 1, size: context.smallSize)
            try await unsafe way.sender.send(message.span.bytes, until: limit)
            try await expectInPlace(message, way)
            try context.expect(
                try unsafe way.sender.trySend(message.span.bytes), "room for one small message", "trySend says no")
            try await expectInPlace(message, way)
            try await way.sender.send(byteCount: message.count, until: limit) { span in
                Record.write(message, into: &span)
            }
            try await expectInPlace(message, way)
            // What the closure leaves unfilled is not sent.
            let room = min(message.count + 100, context.guarantees.maximumMessageSize)
            try await way.sender.send(byteCount: room, until: limit) { span in
                Record.write(message, into: &span)
            }
            try await expectInPlace(message, way)
            try await throwingBodies(message, way)
            try await way.expectNothingMore()
        }
    }

    private static func expectInPlace(_ message: [UInt8], _ way: Way) async throws {
        var found: [UInt8] = []
        while found.count < message.count {
            guard let piece = try await way.receiver.receive(until: way.context.limit, { [UInt8]($0) }) else { break }
            try way.context.expect(!piece.isEmpty, "a message", "an empty one")
            found += piece
        }
        try way.context.expect(found == message, "the message that was written in place", "\(found.count) bytes")
    }

    /// A closure that throws on the way out sends nothing; one that throws on the way in has consumed the message.
    private static func throwingBodies(_ message: [UInt8], _ way: Way) async throws {
        let context = way.context
        do {
            try await way.sender.send(byteCount: message.count, until: context.limit) {
                (span: inout OutputRawSpan) throws(BodyFailure) in
                span.append(1)
                throw BodyFailure()
            }
            throw context.failure("the closure's error", "send returned")
        } catch let error as ChannelBodyError<BodyFailure> {
            guard case .body = error else { throw context.failure("the closure's error", "\(error)") }
        }
        let other = Record.bytes(sender: 3, index: 2, size: context.smallSize)
        try await way.send(message)
        try await way.send(other)
        do {
            _ = try await way.receiver.receive(until: context.limit) { (span: RawSpan) throws(BodyFailure) -> Int in
                throw BodyFailure()
            }
            throw context.failure("the closure's error", "receive returned")
        } catch let error as ChannelBodyError<BodyFailure> {
            guard case .body = error else { throw context.failure("the closure's error", "\(error)") }
        }
        let limit = context.limit
        // A stream without boundaries may have handed both over at once.
        guard context.guarantees.preservesBoundaries else {
            try await way.send(other)
            return try await drain(until: other, way)
        }
        var found = Received<[UInt8]>.empty
        // Sent is not arrived.
        while found == .empty, !limit.hasPassed {
            found = try way.receiver.tryReceive { (span: RawSpan) throws(BodyFailure) -> [UInt8] in [UInt8](span) }
            if found == .empty { try await Task.sleep(for: .milliseconds(1)) }
        }
        try context.expect(found == .message(other), "the message after the one that was consumed", "\(found)")
    }

    private static func drain(until last: [UInt8], _ way: Way) async throws {
        var found: [UInt8] = []
        while found.suffix(last.count) != last[...] {
            guard let piece = try await way.receive() else {
                throw way.context.failure("the last message", "the end after \(found.count) bytes")
            }
            found += piece
        }
    }

    static func batches(_ context: ConformanceContext) async throws {
        try await context.eachWay { way in
            let count = 300
            let sizes =
                context.guarantees.preservesBoundaries && context.guarantees.maximumMessageSize >= 300
                ? [8, 40, 300] : [context.smallSize]
            try await context.together([
                {
                    let messages = (0..<count).map {
                        Record.bytes(sender: 0, index: $0, size: sizes[$0 % sizes.count])
                    }
                    try await way.sender.send(contentsOf: messages, until: context.limit)
                    try await way.sender.send(contentsOf: [], until: context.limit)
                },
                {
                    var ledger = Ledger(context)
                    try await receiveBatches(count, of: 17, way, &ledger)
                },
            ])
            try await oneSpan(way)
            try await failingBatches(way)
            try await way.expectNothingMore()
            var rest: [[UInt8]] = []
            let end =
                context.guarantees.topology == .link
                ? try await way.receiver.receive(upTo: 4, into: &rest, until: context.limit) : nil
            try context.expect(end == nil && rest.isEmpty, "nil after finish", "\(rest.count) messages")
        }
    }

    private static func receiveBatches(_ count: Int, of most: Int, _ way: Way, _ ledger: inout Ledger) async throws {
        let context = way.context
        var reassembler = Reassembler(context)
        var found = 0
        while found < count {
            var pieces: [[UInt8]] = []
            guard let arrived = try await way.receiver.receive(upTo: most, into: &pieces, until: context.limit) else {
                throw context.failure("\(count) messages", "the end after \(found)")
            }
            try context.expect(
                arrived == pieces.count && (1...most).contains(arrived), "between 1 and \(most) messages",
                "\(arrived), and \(pieces.count) handed over")
            for record in pieces.flatMap({ reassembler.add($0) }) {
                try ledger.take(record)
                found += 1
            }
        }
        try context.expect(found == count, "\(count) messages", "\(found)")
    }

    /// One span, cut into messages of which the last is shorter.
    private static func oneSpan(_ way: Way) async throws {
        let context = way.context
        let whole = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let size = min(64, context.guarantees.maximumMessageSize)
        try await context.together([
            { try await unsafe way.sender.send(contentsOf: whole.span.bytes, messageSize: size, until: context.limit) },
            {
                var found: [UInt8] = []
                while found.count < whole.count {
                    guard let piece = try await way.receive() else { break }
                    if context.guarantees.preservesBoundaries {
                        let expected = min(size, whole.count - found.count)
                        try context.expect(piece.count == expected, "\(expected) bytes", "\(piece.count)")
                    }
                    found += piece
                }
                try context.expect(found == whole, "the span in pieces", "\(found.count) bytes, or others")
            },
        ])
    }

    /// A batch that fails half-way says how many messages are out, and they are.
    private static func failingBatches(_ way: Way) async throws {
        let context = way.context
        if context.guarantees.maximumMessageSize <= ConformanceSuite.largestTestedMessage {
            let small = Record.bytes(sender: 7, index: 0, size: context.smallSize)
            let large = [UInt8](repeating: 0, count: context.guarantees.maximumMessageSize + 1)
            let sent = try await sentCount(of: [small, large, small], .messageTooLarge, way, until: context.limit)
            try context.expect(sent <= 1, "at most the message before the one that is too large", "\(sent)")
            var ledger = Ledger(context)
            try await way.receiveRecords(sent, into: &ledger)
        }
        // Into a channel that nobody empties: what is out when the deadline passes arrives, and nothing else.
        let filled = try await way.fill(size: context.bulkSize)
        let rest = (0..<2_000).map { Record.bytes(sender: 0, index: filled + $0, size: context.bulkSize) }
        let sent = try await sentCount(of: rest, .timedOut, way, until: .after(.milliseconds(50)))
        var ledger = Ledger(context)
        try await way.receiveRecords(filled + sent, into: &ledger)
    }

    private static func sentCount(
        of messages: [[UInt8]], _ code: IPCError.Code, _ way: Way, until deadline: Deadline
    ) async throws -> Int {
        do {
            try await way.sender.send(contentsOf: messages, until: deadline)
        } catch {
            try way.context.expect(error.error.code == code, "a batch that fails with \(code)", "\(error)")
            return error.sentCount
        }
        throw way.context.failure("a batch that fails with \(code)", "all \(messages.count) were sent")
    }

    static func sequence(_ context: ConformanceContext) async throws {
        try await context.eachWay { way in
            let count = 50
            let reading = Task {
                var ledger = Ledger(context)
                var reassembler = Reassembler(context)
                do {
                    for try await chunk in way.plainReceiver.incoming {
                        for record in reassembler.add(chunk) { try ledger.take(record) }
                    }
                    // Cancelled, but it never had to wait: then it has everything.
                    try context.expect(ledger.count == count, ".cancelled", "the end after \(ledger.count)")
                    return (ledger, reassembler)
                } catch let error as IPCError where error.isCancellation {
                    return (ledger, reassembler)
                }
            }
            try await context.together([
                {
                    for index in 0..<count {
                        try await way.send(Record.bytes(sender: 0, index: index, size: context.smallSize))
                        if index == count / 2 { reading.cancel() }
                    }
                    if context.guarantees.topology == .link { try await way.finish() }
                },
                {
                    // The messages that the cancelled iteration did not see are all still there.
                    var (ledger, reassembler) = try await reading.value
                    let iterator = way.plainReceiver.incoming.makeAsyncIterator()
                    try await finishReading(count, iterator, &ledger, &reassembler)
                    try ledger.expect(count, from: 1)
                },
            ])
        }
    }

    private static func finishReading(
        _ count: Int, _ iterator: IncomingMessages<[UInt8]>.AsyncIterator, _ ledger: inout Ledger,
        _ reassembler: inout Reassembler
    ) async throws {
        var iterator = iterator
        let isLink = ledger.isLink
        while isLink || ledger.count < count {
            guard let chunk = try await iterator.next() else { return }
            for record in reassembler.add(chunk) { try ledger.take(record) }
        }
    }
}
