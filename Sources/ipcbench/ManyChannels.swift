import CBaselines
import IPCCore
import IPCSockets

/// Work on many socket channels at once, a task for each.
struct ManyChannels {
    let channels: [SocketChannel]
    let assignment: ProcessAssignment

    /// One ping-pong on each channel.
    func roundTrips() async -> cbase_report {
        let window = TripWindow(
            warmUp: max(cbase_warm_up_trips, channels.count), nanoseconds: assignment.nanoseconds)
        let capacity = cbase_sample_capacity / channels.count
        let all = await withTaskGroup(of: Trips.self) { group in
            for channel in channels {
                let work = SocketWork(channel: channel, assignment: assignment)
                group.addTask {
                    var trips = Trips(bytes: assignment.job.bytes, window: window, timeCapacity: capacity)
                    await work.roundTrips(&trips)
                    return trips
                }
            }
            var all: [Trips] = []
            while let trips = await group.next() { all.append(trips) }
            return all
        }
        return Trips.report(of: all, in: window)
    }

    /// An echo on each channel.
    func echo() async -> cbase_report {
        await withTaskGroup(of: cbase_report.self) { group in
            for channel in channels {
                let work = SocketWork(channel: channel, assignment: assignment)
                group.addTask {
                    var report = cbase_report()
                    await work.echo(&report)
                    return report
                }
            }
            var sum = cbase_report()
            while let report = await group.next() {
                sum.sent += report.sent
                sum.received += report.received
                if sum.failure == 0, report.failure != 0 {
                    sum.failure = report.failure
                    sum.detail = report.detail
                }
            }
            return sum
        }
    }
}
