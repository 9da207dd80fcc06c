import CBaselines
import IPCCore
import IPCSockets

/// One side of round trips of datagrams. An empty message is the end.
struct DatagramWork {
    let channel: DatagramChannel
    let assignment: ProcessAssignment

    init(_ descriptor: Int32, assignment: ProcessAssignment) throws(IPCError) {
        channel = try DatagramChannel(adopting: PassedDescriptor(owning: descriptor))
        self.assignment = assignment
    }

    func perform() async -> cbase_report {
        var report = cbase_report()
        switch (assignment.job.work, assignment.side) {
        case (.roundTrip, .initiator):
            let window = TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: assignment.nanoseconds)
            var trips = Trips(bytes: assignment.job.bytes, window: window)
            await roundTrips(&trips)
            report = TimeLog.report(of: [trips.log], in: window)
            do {
                try await channel.send(Datagram(payload: []))
            } catch {
                fail(&report, error)
            }
        case (.roundTrip, .peer): await echo(&report)
        default: unsafe cbase_report_fail(&report, "this work has no datagrams", 0)
        }
        return report
    }

    private func roundTrips(_ trips: inout Trips) async {
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

    private func echo(_ report: inout cbase_report) async {
        var copy = MessageCopy(capacity: assignment.job.bytes)
        do {
            while try await channel.receive({ copy.take($0) }) != nil, copy.bytes.count > 0 {
                report.received += 1
                try await channel.send(unsafe copy.bytes.span.bytes)
                report.sent += 1
                copy.removeAll()
            }
        } catch {
            fail(&report, error)
        }
    }

    private func fail(_ report: inout cbase_report, _ error: some Error) {
        unsafe cbase_report_fail(&report, "\(error)", 0)
    }
}
