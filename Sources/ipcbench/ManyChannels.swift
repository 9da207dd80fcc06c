import CBaselines
import IPCCore
import IPCSockets

/// Work on many socket channels at once, a task for each.
struct ManyChannels {
    let channels: [SocketChannel]
    let assignment: ProcessAssignment

    /// One ping-pong on each channel.
    func roundTrips() async -> cbase_report {
        let window = TimeWindow(
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
        return TimeLog.report(of: all.map(\.log), in: window)
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
            while let report = await group.next() { sum.add(report) }
            return sum
        }
    }
}
