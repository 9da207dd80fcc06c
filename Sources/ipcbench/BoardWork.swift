import CBaselines
import IPCCore
import IPCSharedMemory

/// Shared memory with one writer: the latest value, and messages to several readers.
struct BoardWork {
    /// A message of 64 bytes as a value.
    private struct Value: PlainData {
        var words: InlineArray<8, UInt64>
    }

    /// As the baseline.
    private static let clockInterval: UInt64 = 64

    let assignment: ProcessAssignment

    /// By what the processes of one measurement find each other.
    static func name(_ assignment: ProcessAssignment) -> String {
        "ipcbench-\(assignment.job.work.rawValue)-\(assignment.job.by.rawValue)-\(assignment.parent)"
    }

    private var place: SharedMemoryPlace { .named(Self.name(assignment)) }

    /// Does this side's work.
    func perform() async -> cbase_report {
        var report = cbase_report()
        do throws(IPCError) {
            switch (assignment.job.work, assignment.side) {
            case (.board, .initiator): try await read(&report)
            case (.board, .peer): try await write(&report)
            case (_, .initiator): try await send(&report)
            case (_, .peer): try await receive(&report)
            }
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        return report
    }

    /// Tries until the other side has made what is needed.
    private func opened<Object>(_ open: () throws(IPCError) -> Object?) async throws(IPCError) -> Object {
        let end = cbase_now() + 5_000_000_000
        while cbase_now() < end {
            do throws(IPCError) {
                if let object = try open() { return object }
            } catch {
                guard error.code == .notFound else { throw error }
            }
            await Task.yield()
        }
        throw IPCError(.timedOut, "the other side was not there within 5 seconds")
    }

    private func read(_ report: inout cbase_report) async throws(IPCError) {
        let reader = try await opened { () throws(IPCError) in
            let reader = try Blackboard<Value>.Reader(at: place)
            return reader.version > 0 ? reader : nil
        }
        let start = cbase_now()
        let end = start + assignment.nanoseconds
        repeat {
            guard let entry = try reader.latestEntry, Self.isIntact(entry) else {
                unsafe cbase_report_fail(&report, "a torn value", 0)
                break
            }
            report.measured += 1
        } while report.measured % Self.clockInterval != 0 || cbase_now() < end
        report.started_ns = start
        report.ended_ns = cbase_now()
        // The writer stops when the name is gone.
        try SharedMemory.remove(place)
    }

    private static func isIntact(_ entry: Blackboard<Value>.Entry) -> Bool {
        unsafe withUnsafeBytes(of: entry.value) {
            unsafe cbase_message_is($0.baseAddress!, $0.count, entry.version)
        }
    }

    private func write(_ report: inout cbase_report) async throws(IPCError) {
        let writer = try Blackboard<Value>.Writer(at: place)
        var value = Value(words: .init(repeating: 0))
        unsafe withUnsafeMutableBytes(of: &value) { unsafe cbase_message_fill($0.baseAddress!, $0.count, 0) }
        var version: UInt64 = 0
        let end = cbase_now() + assignment.nanoseconds * 3 + 10_000_000_000
        while version % 100_000 != 0 || (Self.exists(place) && cbase_now() < end) {
            version += 1
            let next = version
            unsafe withUnsafeMutableBytes(of: &value) {
                unsafe cbase_message_stamp($0.baseAddress!, $0.count, next)
            }
            try writer.publish(value)
        }
        report.measured = version
    }

    private static func exists(_ place: SharedMemoryPlace) -> Bool {
        (try? SharedMemory(at: place, .open, options: SharedMemoryOptions(access: .readOnly))) != nil
    }

    private func send(_ report: inout cbase_report) async throws(IPCError) {
        let readers = assignment.job.channels
        let writer = try Broadcast.Writer(
            at: place, options: BroadcastOptions(delivery: .lossless(readers: readers + 1)))
        // Each reader says that it is there by taking a slot: a reader more than there are slots left is refused.
        _ = try await opened { () throws(IPCError) in try readersArePresent(readers) }
        try SharedMemory.remove(place)
        let batch = assignment.job.work == .broadcast ? Batch.messageCount : 1
        var source = MessageSource(bytes: assignment.job.bytes, count: batch, nanoseconds: assignment.nanoseconds)
        if batch == 1 {
            while source.goesOn {
                source.stamp()
                try await unsafe writer.send(source.messages.span.bytes, until: .never)
            }
        } else {
            try await sendBatches(from: &source, to: writer)
        }
        try await writer.finish()
        source.conclude(&report)
        report.sent *= UInt64(readers)
    }

    private func sendBatches(
        from source: inout MessageSource, to writer: Broadcast.Writer
    ) async throws(IPCError) {
        do throws(BatchError) {
            while source.goesOn {
                source.stamp()
                try await unsafe writer.send(
                    contentsOf: source.messages.span.bytes, messageSize: assignment.job.bytes, until: .never)
            }
        } catch {
            throw error.error
        }
    }

    /// Whether all readers but one have a slot: then one more can join, and a second one cannot.
    private func readersArePresent(_ count: Int) throws(IPCError) -> Bool? {
        let first = try Broadcast.Reader(at: place)
        defer { first.close() }
        do throws(IPCError) {
            try Broadcast.Reader(at: place).close()
            return nil
        } catch {
            guard error.code == .resourceExhausted else { throw error }
            return true
        }
    }

    private func receiveEach(from reader: Broadcast.Reader, _ sink: inout MessageSink) async throws(IPCError) {
        do throws(ChannelBodyError<Never>) {
            while sink.isIntact, try await reader.receive(until: .never, { sink.take($0) }) != nil {}
        } catch {
            switch error {
            case .channel(let error): throw error
            }
        }
    }

    private func receive(_ report: inout cbase_report) async throws(IPCError) {
        let reader = try await opened { () throws(IPCError) in
            do throws(IPCError) {
                return try Broadcast.Reader(at: place, from: .oldest)
            } catch {
                // The writer looks for who is there just now.
                guard error.code == .resourceExhausted else { throw error }
                return nil
            }
        }
        var sink = MessageSink(bytes: assignment.job.bytes)
        if assignment.job.work == .broadcastEach {
            try await receiveEach(from: reader, &sink)
        } else {
            while sink.isIntact,
                try await reader.receive(upTo: Batch.messageCount, until: .never, into: { sink.take($0) }) != nil
            {}
        }
        sink.conclude(&report)
    }
}
