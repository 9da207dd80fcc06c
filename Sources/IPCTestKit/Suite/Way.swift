/// One direction of a pair: who sends and who receives.
struct Way: Sendable {
    let context: ConformanceContext
    let sender: ByteSender
    let receiver: ByteReceiver

    var guarantees: ChannelGuarantees { context.guarantees }
    /// The same sender, for the calls that both of its protocols have.
    var plainSender: any SendChannel<[UInt8]> { sender }
    var plainReceiver: any ReceiveChannel<[UInt8]> { receiver }

    func send(_ bytes: [UInt8]) async throws {
        try await plainSender.send(bytes, until: context.limit)
    }

    func receive() async throws -> [UInt8]? {
        try await plainReceiver.receive(until: context.limit)
    }

    func finish() async throws {
        try await plainSender.finish(until: context.limit)
    }

    /// Receives one message, which must be `bytes`.
    func expect(_ bytes: [UInt8], _ what: String) async throws {
        let message = try await receive()
        try context.expect(
            message == bytes, "\(what) (\(bytes.count) bytes)", message.map { "\($0.count) bytes" } ?? "the end")
    }

    /// Nothing is left: a link finishes, and its end is seen for good; a queue is empty.
    func expectNothingMore() async throws {
        guard guarantees.topology == .link else {
            let found = try plainReceiver.tryReceive()
            return try context.expect(found == .empty, "an empty queue", "\(found)")
        }
        try await finish()
        for _ in 0..<2 {
            let message = try await receive()
            try context.expect(message == nil, "nil after finish", "\(message?.count ?? 0) bytes")
        }
        let found = try plainReceiver.tryReceive()
        try context.expect(found == .finished, ".finished after finish", "\(found)")
    }

    /// Receives whole records until `count` are there, and checks each.
    func receiveRecords(_ count: Int, into ledger: inout Ledger) async throws {
        var reassembler = Reassembler(context)
        var found = 0
        while found < count {
            guard let chunk = try await receive() else {
                throw context.failure("\(count) messages", "the end after \(found)")
            }
            for record in reassembler.add(chunk) {
                try ledger.take(record)
                found += 1
            }
        }
        try context.expect(
            found == count && reassembler.isEmpty, "\(count) messages and no more", "\(found), or a piece of another")
    }

    /// Fills the channel with numbered records from `first` on until `trySend` says no, for good; returns how many went in.
    func fill(sender number: Int = 0, from first: Int = 0, size: Int, limit: Int = 20_000) async throws -> Int {
        var count = 0
        var before: Int
        repeat {
            before = count
            while count < limit,
                try plainSender.trySend(Record.bytes(sender: number, index: first + count, size: size))
            {
                count += 1
            }
            guard let settling = context.transport.settling else { return count }
            try await Task.sleep(for: settling)
        } while count > before && count < limit
        return count
    }
}
