import IPCMessageQueue
import IPCSharedMemory
import IPCSystem

/// One process of the storm of shared queues: in an even place it sends, in an odd one it receives.
struct QueueStormer {
    let path: String
    let record: QueueStormRecord
    let tally: StormTally
    let place: Int
    let life: UInt64
    let random: StormRandom

    func live(_ points: [String], _ options: SharedQueueOptions) -> Int32 {
        var random = random
        do {
            try tally.arm(points, &random)
            // Whoever hangs is seen by the one who kills, and a machine may stand still for a while.
            let queue = try SharedQueue(blockingAt: .file(path), .openOrCreate, options: options)
            var last: [UInt64: UInt64] = [:]
            while true {
                try place % 2 == 0 ? send(queue, &random) : receive(queue, &random, &last)
                try tally.progress.wrappingAdd(1)
                try tally.beat(place).wrappingAdd(1)
            }
        } catch {
            say("stormer: \(error)")
            return 9
        }
    }

    private func send(_ queue: SharedQueue, _ random: inout StormRandom) throws {
        let id = try record.next.wrappingAdd(1).newValue
        let words = random.below(8) == 0 ? random.below(1400) : random.below(20)
        let message = QueueMessage(
            payload: QueueStormRecord.message(id, life, words), priority: id % 2 == 1 ? 3 : 0, type: id % 2 == 1 ? 1 : 2
        )
        try record.message(id).wrappingAdd(QueueStormRecord.started)
        let deadline = random.deadline()
        do {
            try queue.sendBlocking(message, until: deadline)
            try record.message(id).wrappingAdd(QueueStormRecord.sent)
        } catch let error as IPCError where error.code == .timedOut {
            try record.message(id).wrappingAdd(QueueStormRecord.refused)
            try record.look(at: deadline)
        }
    }

    private func receive(
        _ queue: SharedQueue, _ random: inout StormRandom, _ last: inout [UInt64: UInt64]
    ) throws {
        // Who waits for one type alone may wait beside a queue that is full of the other.
        let deadline = Deadline.after(.milliseconds(random.below(50)))
        do {
            switch random.below(5) {
            case 0...1:
                let found = try queue.receiveBlocking(.only(2), until: deadline)
                try take(found.payload, found.label, &last)
            case 2: try lease(.only(1), queue, deadline, &random, &last)
            case 3: try lease(.any, queue, .never, &random, &last)
            // They take memory.
            default:
                // What is taken without a lease goes with its receiver, who says that he is at it.
                try tally.count(place).store(1)
                if let letter = try queue.receiveDeadLetterBlocking() {
                    guard let (id, _) = QueueStormRecord.read(letter.payload) else { throw Wrong("a torn dead letter") }
                    try record.message(id).wrappingAdd(QueueStormRecord.received)
                }
                try tally.count(place).store(0)
            }
        } catch let error as IPCError where error.code == .timedOut {
            try record.look(at: deadline)
        }
    }

    private func take(_ payload: [UInt8], _ label: QueueLabel, _ last: inout [UInt64: UInt64]) throws {
        if let id = try record.look(payload, deliveries: label.deliveryCount, last: &last) {
            try record.message(id).wrappingAdd(QueueStormRecord.received)
        }
    }

    private func lease(
        _ selection: QueueSelection, _ queue: SharedQueue, _ deadline: Deadline, _ random: inout StormRandom,
        _ last: inout [UInt64: UInt64]
    ) throws {
        let givesBack = random.below(10) == 0
        do {
            try queue.withLeaseBlocking(selection, until: deadline) { found in
                if givesBack {
                    _ = try record.look(found.payload, deliveries: found.deliveryCount, last: &last)
                    throw Wrong("given back")
                }
                try take(found.payload, found.label, &last)
            }
        } catch {
            switch error {
            case .body(let error) where error is Wrong: break
            case .body(let error): throw error
            case .channel(let error): throw error
            }
        }
    }
}

extension StormTally {
    /// Every second process is to die at a point on the way.
    func arm(_ points: [String], _ random: inout StormRandom) throws {
        guard random.below(2) == 0 else { return }
        let counter = try self.points
        KillPoints.arm(points[random.below(points.count)], passage: 1 + random.below(40)) { counter.wrappingAdd(1) }
    }
}

extension StormRandom {
    /// Half of the calls wait for as long as it takes.
    mutating func deadline() -> Deadline { below(2) == 0 ? .never : .after(.milliseconds(below(50))) }
}
