/// Streams that the suite writes byte for byte: cut, lying, and nonsense.
enum WireCases {
    static func cutFrames(_ context: ConformanceContext) async throws {
        guard let wire = context.transport.wire else { return }
        let stream = CutStream(wire)
        for cut in 0...stream.bytes.count {
            try await context.withRawPair { raw, receiver in
                try await raw.write(Array(stream.bytes.prefix(cut)))
                raw.die()
                try await stream.expect(of: receiver, cutAt: cut, context)
            }
        }
    }

    static func hostileInput(_ context: ConformanceContext) async throws {
        guard let wire = context.transport.wire else { return }
        try await context.withPair { bystanders in
            let ways = context.ways(of: bystanders)
            var round = 0
            func bystandersAreWell() async throws {
                round += 1
                for way in ways {
                    let message = Record.bytes(sender: 2, index: round, size: 100)
                    try await way.send(message)
                    try await way.expect(message, "the message of a channel beside the attacked one")
                }
            }
            try await bystandersAreWell()
            try await lengths(context, wire)
            try await bystandersAreWell()
            for wrong in wire.wrongOpenings {
                try await context.withRawPair { raw, receiver in
                    try? await raw.write(wrong.bytes)
                    try await context.expectError([wrong.code], "receive after \(wrong.name)") {
                        try await receiver.receive(until: context.limit)
                    }
                }
            }
            try await bystandersAreWell()
            try await garbage(context, wire)
            try await bystandersAreWell()
        }
    }

    private static func lengths(_ context: ConformanceContext, _ wire: ConformanceWire) async throws {
        let limit = UInt64(context.guarantees.maximumMessageSize)
        let lies: [UInt64] = [limit + 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 63, .max]
        for length in lies where length > limit {
            guard let header = wire.header(length) else { continue }
            let before = MemoryUse.now.peakAddressSpace
            try await context.withRawPair { raw, receiver in
                try await raw.write(wire.opening + header)
                for _ in 0..<2 {
                    let error = try await context.expectError(
                        [.messageTooLarge], "receive of a message of \(length) bytes"
                    ) { try await receiver.receive(until: context.limit) }
                    try context.expect(
                        error.message.contains("\(limit)"), "an error that names the limit \(limit)", "\(error)")
                }
            }
            let growth = MemoryUse.now.peakAddressSpace - before
            // Threads and arenas of tests beside this one take address space too, but not two gigabytes.
            try context.expect(
                length < 1 << 31 || growth < 1 << 30, "no memory taken for a message of \(length) bytes",
                "\(growth) bytes more")
        }
        if let header = wire.header(0) {
            try await context.withRawPair { raw, receiver in
                try await raw.write(wire.opening + header)
                let message = try await receiver.receive(until: context.limit)
                try context.expect(message == [], "an empty message", message.map { "\($0.count) bytes" } ?? "the end")
            }
        }
        if let header = wire.header(limit) {
            try await context.withRawPair { raw, receiver in
                try await raw.write(wire.opening + header + [1, 2, 3])
                try await context.expectError([.timedOut], "receive of a message that does not come") {
                    try await receiver.receive(until: .after(.milliseconds(20)))
                }
                raw.die()
                try await context.expectError([.truncated], "receive of a message that never came") {
                    try await receiver.receive(until: context.limit)
                }
            }
        }
    }

    /// Random bytes, with and without a proper opening: messages within the limit, then an error or the end.
    private static func garbage(_ context: ConformanceContext, _ wire: ConformanceWire) async throws {
        var generator = context.generator
        for round in 0..<60 {
            let noise = generator.bytes(Int.random(in: 0...2_000, using: &generator))
            let bytes = (round % 3 == 0 ? [] : wire.opening) + noise
            try await context.withRawPair { raw, receiver in
                try? await raw.write(bytes)
                raw.die()
                var count = 0
                do {
                    while let message = try await receiver.receive(until: context.limit) {
                        count += 1
                        try context.expect(
                            message.count <= bytes.count && count <= bytes.count, "what the bytes can hold",
                            "message \(count) of \(message.count) bytes")
                    }
                } catch let error as IPCError {
                    let isAboutThePeer: Set<IPCError.Code> = [
                        .messageTooLarge, .wrongMagic, .wrongVersion, .protocolViolation, .truncated, .peerClosed,
                        .handshakeFailed,
                    ]
                    try context.expect(
                        isAboutThePeer.contains(error.code), "an error about what the peer sent", "\(error)")
                }
            }
        }
    }
}

extension ConformanceContext {
    /// A receiver with a raw writer; both are closed afterwards.
    func withRawPair(
        _ body: (ConformanceWire.RawPair, any ReceiveChannel<[UInt8]>) async throws -> Void
    ) async throws {
        guard let wire = transport.wire else { return }
        let raw = try await wire.makeRawPair()
        defer {
            raw.die()
            raw.end.close()
        }
        guard let receiver = raw.end.receiver else { throw failure("a receiver for raw bytes", "an end that sends") }
        try await body(raw, receiver)
    }
}
