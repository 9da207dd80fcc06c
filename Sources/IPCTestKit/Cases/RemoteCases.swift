import IPCProcess

/// The other end is in another process.
enum RemoteCases {
    static func echo(_ context: ConformanceContext) async throws {
        try await context.withPeer(.echo, near: .both) { peer in
            let way = Way(context: context, sender: try peer.sender, receiver: try peer.receiver)
            var generator = context.generator
            let sizes =
                [8, 4096, 65_536, context.guarantees.maximumMessageSize]
                .filter { $0 <= min(context.guarantees.maximumMessageSize, 1 << 20) }
                + (0..<300).map { _ in context.recordSize(&generator) }
            try await context.together([
                {
                    for (index, size) in sizes.enumerated() {
                        try await way.send(Record.bytes(sender: 0, index: index, size: size))
                    }
                },
                {
                    var ledger = Ledger(context)
                    try await way.receiveRecords(sizes.count, into: &ledger)
                },
            ])
            try await way.finish()
            let end = try await way.receive()
            try context.expect(end == nil, "nil after the peer has finished", "\(end?.count ?? 0) bytes")
            try await peer.expectSuccess()
        }
    }

    static func stream(_ context: ConformanceContext) async throws {
        let count = 1_500
        try await context.withPeer(.stream, count: count, near: .receives) { peer in
            let receiver = try peer.receiver
            try await receive(count, from: receiver, context)
            if context.guarantees.topology == .link {
                let end = try await receive(receiver, context)
                try context.expect(end == nil, "nil after the peer has finished", "\(end?.count ?? 0) bytes")
            }
            try await peer.expectSuccess()
        }
    }

    static func delivery(_ context: ConformanceContext) async throws {
        let count = 1_500
        try await context.withPeer(.receive, count: count, near: .sends) { peer in
            let sender: any SendChannel<[UInt8]> = try peer.sender
            var generator = context.generator
            for index in 0..<count {
                let record = Record.bytes(sender: 0, index: index, size: context.recordSize(&generator))
                try await sender.send(record, until: context.limit)
            }
            try await sender.finish(until: context.limit)
            try await peer.expectSuccess()
        }
    }

    static func death(_ context: ConformanceContext) async throws {
        let count = 40
        try await context.withPeer(.streamAndDie, count: count, near: .receives) { peer in
            let receiver = try peer.receiver
            try await receive(count, from: receiver, context)
            try await expectDeath(receiver, context)
            try await peer.expectKilled()
        }
        for round in 0..<4 {
            try await context.withPeer(.hold, near: .receives) { peer in
                let receiver = try peer.receiver
                try await context.together([
                    { try await expectDeath(receiver, context) },
                    { try await expectDeath(receiver, context) },
                    {
                        try await Task.sleep(for: .milliseconds(round * 15))
                        try await peer.child.kill()
                    },
                ])
                try await peer.expectKilled()
            }
        }
    }

    static func cutFrames(_ context: ConformanceContext) async throws {
        guard let wire = context.transport.wire else { return }
        let stream = CutStream(wire)
        for cut in 0...stream.bytes.count {
            try await context.withPeer(.writeAndDie, count: cut, near: .receives) { peer in
                try await stream.expect(of: try peer.receiver, cutAt: cut, context)
                try await peer.expectKilled()
            }
        }
    }

    static func peerGone(_ context: ConformanceContext) async throws {
        let disposition = MemoryUse.dispositionOfSIGPIPE
        for round in 0..<4 {
            try await context.withPeer(.hold, near: .sends) { peer in
                let sender = try peer.sender
                try await context.together([
                    { try await EndCases.expectPeerClosed(sender, context) },
                    {
                        try await Task.sleep(for: .milliseconds(round * 15))
                        try await peer.child.kill()
                    },
                ])
                try await EndCases.expectPeerClosed(sender, context)
                try await peer.expectKilled()
            }
        }
        let after = MemoryUse.dispositionOfSIGPIPE
        try context.expect(after == disposition, "SIGPIPE left as it was, \(disposition)", "\(after)")
    }

    private static func receive(_ receiver: ByteReceiver, _ context: ConformanceContext) async throws -> [UInt8]? {
        let receiver: any ReceiveChannel<[UInt8]> = receiver
        return try await receiver.receive(until: context.limit)
    }

    private static func receive(_ count: Int, from receiver: ByteReceiver, _ context: ConformanceContext) async throws {
        var ledger = Ledger(context)
        var reassembler = Reassembler(context)
        while ledger.count < count {
            guard let chunk = try await receive(receiver, context) else {
                throw context.failure("\(count) messages", "the end after \(ledger.count)")
            }
            for record in reassembler.add(chunk) { try ledger.take(record) }
        }
        try context.expect(
            ledger.count == count && reassembler.isEmpty, "\(count) messages and no more", "\(ledger.count)")
    }

    private static func expectDeath(_ receiver: ByteReceiver, _ context: ConformanceContext) async throws {
        try await EndCases.expectDeath(receiver, context)
    }
}
