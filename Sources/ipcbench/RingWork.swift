import CBaselines
import IPCCore
import IPCSharedMemory
import IPCSystem

/// How the rings of a measurement are made, for both sides of a ratio.
enum RingSetup {
    /// Bytes for each direction: room for several messages, and for small ones no more than a processor's cache.
    static func ringByteCount(for job: Job) -> Int {
        if job.work == .loan { return 8 << 20 }
        return job.bytes >= 262_144 ? 8 << 20 : job.bytes >= 16_384 ? 1 << 20 : 256 << 10
    }

    static func options(for job: Job, _ pinning: Pinning) -> RingOptions {
        RingOptions(
            ringByteCount: ringByteCount(for: job), trust: job.transport == .untrustedRing ? .untrusted : .trusted,
            spin: pinning == .same ? .never : .adaptive)
    }

    /// What the two sides get: file, bells and socket each.
    static func make(for job: Job) throws(BenchmarkFailure) -> (initiator: [PassedDescriptor], peer: [PassedDescriptor])
    {
        do throws(IPCError) {
            let (near, far) = try RingChannel.makePair(options: options(for: job, .free))
            return (try near.transfer().descriptors, try far.transfer().descriptors)
        } catch {
            throw BenchmarkFailure("making a ring: \(error)")
        }
    }

    /// A fresh end on what `make` has made.
    static func open(_ descriptors: [Int32], _ assignment: ProcessAssignment) throws(IPCError) -> RingChannel {
        try RingChannel.open(
            descriptors.map { PassedDescriptor(owning: $0) }, side: assignment.side == .initiator ? 0 : 1,
            options(for: assignment.job, assignment.pinning))
    }

    /// The same for the baseline.
    static func link(_ descriptors: [Int32], _ assignment: ProcessAssignment) -> cbase_ring_link {
        cbase_ring_link(
            file: descriptors[0], bells: (descriptors[1], descriptors[2]), side: assignment.side == .initiator ? 0 : 1,
            ring_bytes: ringByteCount(for: assignment.job), spins: assignment.pinning != .same)
    }
}

/// One side of the work on a ring.
struct RingWork {
    let channel: RingChannel
    let assignment: ProcessAssignment

    private var bytes: Int { assignment.job.bytes }

    /// Sends messages and checks that each comes back.
    func roundTrips(_ trips: inout Trips) async {
        do {
            while trips.goesOn {
                trips.start()
                try await channel.send(unsafe trips.outgoing.span.bytes)
                trips.end(try await channel.receive { trips.isExpected($0) })
            }
        } catch {
            trips.note("\(error)")
        }
    }

    /// Returns every message until the other side finishes: from one ring to the other, where it has room.
    func echo(_ report: inout cbase_report) async {
        do {
            var late: [UInt8]?
            while let isSent = try await channel.receive({ (message: RawSpan) -> Bool in
                let isSent = (try? channel.trySend(message)) ?? false
                if !isSent { late = [UInt8](message) }
                return isSent
            }) {
                report.received += 1
                if !isSent, let message = late { try await channel.send(message) }
                report.sent += 1
            }
        } catch {
            fail(&report, error)
        }
    }

    /// Sends messages one by one until the time is over, each copied into the ring once. Where the peer is not trusted
    /// that takes the form for a message that lies ready: one that is written in place would be put together elsewhere.
    func send(_ report: inout cbase_report) async {
        var source = MessageSource(bytes: bytes, count: 1, nanoseconds: assignment.nanoseconds)
        do {
            if assignment.job.transport == .untrustedRing {
                while source.goesOn {
                    source.stamp()
                    try await channel.send(unsafe source.messages.span.bytes)
                }
            } else {
                while source.goesOn {
                    source.stamp()
                    try await channel.send(byteCount: bytes) { Self.copy(source.messages, to: &$0) }
                }
            }
        } catch {
            fail(&report, error)
        }
        source.conclude(&report)
    }

    private static func copy(_ message: [UInt8], to room: inout OutputRawSpan) {
        unsafe room.withUnsafeMutableBytes { buffer, count in
            unsafe buffer.copyBytes(from: message)
            count = message.count
        }
    }

    /// Receives messages one by one until the other side finishes.
    func receive(_ report: inout cbase_report) async {
        var sink = MessageSink(bytes: bytes)
        do {
            while try await channel.receive({ sink.take($0) }) != nil {}
        } catch {
            fail(&report, error)
        }
        sink.conclude(&report)
    }

    /// Sends messages in batches until the time is over.
    func sendBatches(_ report: inout cbase_report) async {
        var source = MessageSource(
            bytes: bytes, count: Self.batchCount, nanoseconds: assignment.nanoseconds)
        do {
            while source.goesOn {
                source.stamp()
                try await channel.send(contentsOf: unsafe source.messages.span.bytes, messageSize: bytes, until: .never)
            }
        } catch {
            fail(&report, error)
        }
        source.conclude(&report)
    }

    private static let batchCount = 64

    /// Receives messages in batches until the other side finishes.
    func receiveBatches(_ report: inout cbase_report) async {
        var sink = MessageSink(bytes: bytes)
        do {
            while try await channel.receive(upTo: Self.batchCount, until: .never, into: { sink.take($0) }) != nil {}
        } catch {
            fail(&report, error)
        }
        sink.conclude(&report)
    }

    /// Lends a message, writes 8 bytes of it, sends it, and waits for 8 bytes.
    func loans(_ log: inout TimeLog) async {
        var sequence: UInt64 = 0
        do {
            while log.goesOn {
                log.report.sent += 1
                log.start()
                var loan = try await channel.loan(byteCount: bytes)
                Self.stamp(&loan, sequence)
                try loan.send()
                let answer = try await channel.receive { Self.number($0) }
                guard answer == sequence else { return log.note("the bytes that came back are others") }
                log.report.received += 1
                sequence += 1
                log.end()
            }
        } catch {
            log.note("\(error)")
        }
    }

    private static func stamp(_ loan: inout RingLoan, _ sequence: UInt64) {
        var room = loan.mutableBytes
        room.storeBytes(of: sequence, as: UInt64.self)
    }

    private static func number(_ message: RawSpan) -> UInt64 {
        unsafe message.unsafeLoadUnaligned(as: UInt64.self)
    }

    /// Answers each message with its first 8 bytes until the other side finishes.
    func answerLoans(_ report: inout cbase_report) async {
        do {
            while let number = try await channel.receive({ Self.number($0) }) {
                report.received += 1
                var answer = try await channel.loan(byteCount: 8)
                Self.stamp(&answer, number)
                try answer.send()
                report.sent += 1
            }
        } catch {
            fail(&report, error)
        }
    }

    private func fail(_ report: inout cbase_report, _ error: some Error) {
        unsafe cbase_report_fail(&report, "\(error)", 0)
    }

    /// Does this side's work and finishes the channel.
    func perform() async -> cbase_report {
        var report = cbase_report()
        let window = TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: assignment.nanoseconds)
        switch (assignment.job.work, assignment.side) {
        case (.roundTrip, .initiator):
            var trips = Trips(bytes: bytes, window: window)
            await roundTrips(&trips)
            report = TimeLog.report(of: [trips.log], in: window)
        case (.loan, .initiator):
            var log = TimeLog(window, capacity: cbase_sample_capacity)
            await loans(&log)
            report = TimeLog.report(of: [log], in: window)
        case (.loan, .peer): await answerLoans(&report)
        case (.stream, .initiator): await send(&report)
        case (.stream, .peer): await receive(&report)
        case (.batch, .initiator): await sendBatches(&report)
        case (.batch, .peer): await receiveBatches(&report)
        case (_, .peer): await echo(&report)
        case (_, .initiator): unsafe cbase_report_fail(&report, "this work has no ring", 0)
        }
        guard assignment.side == .initiator, report.failure == 0 else { return report }
        do {
            try await channel.finish()
        } catch {
            fail(&report, error)
        }
        // This process ends without closing anything: the peer must have seen the end before.
        _ = try? await channel.receive(until: .after(.seconds(5)))
        return report
    }
}
