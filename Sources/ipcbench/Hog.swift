import CBaselines
import IPCCore
import IPCSockets

/// Round trips on one channel beside a task that works for 50 ms each time a message on another channel resumes it.
struct Hog {
    /// How long the task works.
    static let burst: UInt64 = 50_000_000

    let measured: SocketWork
    let hog: SocketWork

    /// Both until the measured channel's window closes.
    func run() async -> cbase_report {
        let assignment = measured.assignment
        let window = TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: assignment.nanoseconds)
        let all = await withTaskGroup(of: Trips.self) { group in
            group.addTask {
                var trips = Trips(bytes: assignment.job.bytes, window: window)
                await measured.roundTrips(&trips)
                return trips
            }
            // Its trips are as long as its bursts: they are checked, but not among the times.
            group.addTask {
                var trips = Trips(bytes: assignment.job.bytes, window: window, timeCapacity: 0)
                await burn(&trips)
                return trips
            }
            var all: [Trips] = []
            while let trips = await group.next() { all.append(trips) }
            return all
        }
        return TimeLog.report(of: all.map(\.log), in: window)
    }

    private func burn(_ trips: inout Trips) async {
        do {
            while trips.goesOn {
                trips.start()
                try await hog.channel.send(unsafe trips.outgoing.span.bytes)
                trips.end(try await hog.channel.receive { trips.isExpected($0) })
                let end = cbase_now() + Self.burst
                while cbase_now() < end {}
            }
        } catch {
            trips.note("\(error)")
        }
    }
}
