import CBaselines
import IPCCore
import IPCSockets

/// Socket channels on which nothing happens, each with a task that waits for a message.
struct Idle {
    /// Channels that are there before memory is measured: what the first ones bring in belongs to none of them.
    private static let first = 50
    /// Time in which tasks start to wait and buffers that nobody needs are given back.
    private static let settling = Duration.milliseconds(300)

    let assignment: ProcessAssignment
    let descriptors: [Int32]

    /// The resident bytes that each channel adds.
    func resident() async -> cbase_report {
        await waiting { report, wait in
            try wait(descriptors[..<Self.first])
            try await Task.sleep(for: Self.settling)
            _ = cbase_resident_bytes()
            let before = try checked("memory", cbase_resident_bytes())
            try wait(descriptors[Self.first...])
            try await Task.sleep(for: Self.settling)
            let after = try checked("memory", cbase_resident_bytes())
            let count = descriptors.count - Self.first
            report.figure = Double(after - before) / Double(count)
            report.measured = UInt64(count)
        }
    }

    /// The processor time that all of them take while nothing happens.
    func processorTime() async -> cbase_report {
        await waiting { report, wait in
            try wait(descriptors[...])
            try await Task.sleep(for: Self.settling)
            let before = cbase_processor_time()
            try await Task.sleep(for: .nanoseconds(assignment.nanoseconds))
            report.figure = Double(cbase_processor_time() - before)
            report.measured = UInt64(descriptors.count)
        }
    }

    /// Calls `body` with a report and a function that opens channels and starts a waiting task on each; ends the tasks
    /// afterwards, none of which may have received anything.
    private func waiting(
        _ body: (inout cbase_report, (ArraySlice<Int32>) throws -> Void) async throws -> Void
    ) async -> cbase_report {
        var report = cbase_report()
        var channels: [SocketChannel] = []
        var tasks: [Task<Bool, Never>] = []
        do {
            try await body(&report) { descriptors in
                for descriptor in descriptors {
                    let channel = try openSocketChannel(descriptor)
                    channels.append(channel)
                    tasks.append(Task { await Self.waitForClose(channel) })
                }
            }
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        channels.forEach { $0.close() }
        for task in tasks where await !task.value {
            unsafe cbase_report_fail(&report, "an idle channel did not wait until it was closed", 0)
        }
        return report
    }

    /// Whether the wait ended because this side closed the channel.
    private static func waitForClose(_ channel: SocketChannel) async -> Bool {
        do throws(IPCError) {
            _ = try await channel.receive { $0.byteCount }
            return false
        } catch {
            return error.code == .closed
        }
    }
}
