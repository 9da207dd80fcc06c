import CBaselines
import IPCCore
import IPCPipes

/// One side of the work on a pipe channel.
///
/// The loops are written for the one channel type: what they measure is the channel, not a witness table.
struct PipeWork {
    let channel: PipeChannel
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

    /// The same, with an array for each message that arrives.
    func arrayRoundTrips(_ trips: inout Trips) async {
        do {
            while trips.goesOn {
                trips.start()
                try await channel.send(unsafe trips.outgoing.span.bytes)
                trips.end(try await channel.receive().map { unsafe trips.isExpected($0.span.bytes) })
            }
        } catch {
            trips.note("\(error)")
        }
    }

    /// Returns every message until the other side finishes.
    func echo(_ report: inout cbase_report) async {
        var copy = MessageCopy(capacity: bytes)
        do {
            while try await channel.receive({ copy.take($0) }) != nil {
                report.received += 1
                try await channel.send(unsafe copy.bytes.span.bytes)
                report.sent += 1
                copy.removeAll()
            }
        } catch {
            fail(&report, error)
        }
    }

    /// Sends messages one by one until the time is over.
    func send(_ report: inout cbase_report) async {
        var source = MessageSource(bytes: bytes, count: 1, nanoseconds: assignment.nanoseconds)
        do {
            while source.goesOn {
                source.stamp()
                try await channel.send(unsafe source.messages.span.bytes)
            }
        } catch {
            fail(&report, error)
        }
        source.conclude(&report)
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
            bytes: bytes, count: Batch.messageCount, nanoseconds: assignment.nanoseconds)
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

    /// Receives messages in batches until the other side finishes.
    func receiveBatches(_ report: inout cbase_report) async {
        var sink = MessageSink(bytes: bytes)
        do {
            while try await channel.receive(upTo: Batch.messageCount, until: .never, into: { sink.take($0) }) != nil {}
        } catch {
            fail(&report, error)
        }
        sink.conclude(&report)
    }

    /// Sends batches and receives each back before the next.
    func batchRoundTrips(_ source: inout MessageSource, _ report: inout cbase_report) async {
        var sink = MessageSink(bytes: bytes)
        do {
            while source.goesOn && sink.isIntact {
                source.stamp()
                try await channel.send(contentsOf: unsafe source.messages.span.bytes, messageSize: bytes, until: .never)
                while sink.received < source.sent && sink.isIntact {
                    let count = try await channel.receive(
                        upTo: Batch.messageCount, until: .never, into: { sink.take($0) })
                    if count == nil { sink.noteEnd() }
                }
            }
        } catch {
            fail(&report, error)
        }
        source.conclude(&report)
        sink.conclude(&report)
    }

    /// Returns what arrives in batches until the other side finishes.
    func echoBatches(_ report: inout cbase_report) async {
        var copy = MessageCopy(capacity: bytes * Batch.messageCount)
        do {
            while let count = try await channel.receive(
                upTo: Batch.messageCount, until: .never, into: { copy.take($0) })
            {
                report.received += UInt64(count)
                try await channel.send(contentsOf: unsafe copy.bytes.span.bytes, messageSize: bytes, until: .never)
                report.sent += UInt64(count)
                copy.removeAll()
            }
        } catch {
            fail(&report, error)
        }
    }

    /// Tells the other side that no more comes, unless something has failed: then it finds out by this process's end.
    func finish(_ report: inout cbase_report) async {
        guard report.failure == 0 else { return }
        do {
            try await channel.finish()
        } catch {
            fail(&report, error)
        }
    }

    private func fail(_ report: inout cbase_report, _ error: some Error) {
        unsafe cbase_report_fail(&report, "\(error)", 0)
    }
}
