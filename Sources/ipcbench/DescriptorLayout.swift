import CBaselines
import IPCCore

/// How many processes a job has, and which descriptors each of them gets.
///
/// A side of a pipe link gets two descriptors, its reader and its writer; a side of a socket gets one for each channel.
/// The pool in C has a process for each of its channels; the library's pool starts its workers itself.
struct DescriptorLayout {
    /// Pairs that are open here at once, so that many channels do not exhaust the limit.
    private static let chunk = 100

    let job: Job

    var peerCount: Int {
        switch job.work {
        case .spawn, .regionCreation, .lock, .lockTask, .lockValue, .lockFutex, .semaphore, .readLock: 0
        case .pool: job.by == .c ? job.channels : 0
        case .poolBytes, .pythonPool: 0
        case .broadcast, .broadcastEach: job.by == .c ? 1 : job.channels
        case .queueStream, .queueBatch, .queueThreads, .queueBroadcast: job.channels
        default: 1
        }
    }

    /// What one process of this side does: nobody talks to an idle channel, so that C holds its other end.
    func job(for side: Side) -> Job {
        var own = job
        if side == .peer, job.work == .idleResident || job.work == .idleProcessorTime { own.by = .c }
        return own
    }

    /// How many descriptors one process of this side takes over its control.
    func descriptorCount(for side: Side) -> Int {
        switch job.work {
        case .spawn, .accept, .regionCreation, .poolBytes, .pythonPool: 0
        case _ where job.isNamedMemory || job.isQueue: 0
        case .pool: job.by == .c ? (side == .initiator ? job.channels : 1) : 0
        default: job.isRing ? 4 : job.transport == .pipe ? 2 : job.channels
        }
    }

    /// Opens the links and hands their ends over.
    func pass(toInitiator initiator: Int32, peers: [Int32]) throws(BenchmarkFailure) {
        guard descriptorCount(for: .initiator) > 0 else { return }
        if job.isRing {
            let made = try RingSetup.make(for: job)
            defer { withExtendedLifetime(made) {} }
            try send(made.initiator.compactMap(\.borrowedNumber), over: initiator)
            return try send(made.peer.compactMap(\.borrowedNumber), over: peers[0])
        }
        if job.transport == .pipe {
            var ends: [Int32] = [0, 0, 0, 0]
            _ = try checked("pipe", unsafe cbase_open_pipes(&ends, pipeCapacity))
            defer { ends.forEach { cbase_close($0) } }
            try send(Array(ends[..<2]), over: initiator)
            try send(Array(ends[2...]), over: peers[0])
            return
        }
        if peers.count > 1 {
            for peer in peers { try passPairs(1, toInitiator: initiator, peer: peer) }
        } else {
            try passPairs(job.channels, toInitiator: initiator, peer: peers[0])
        }
    }

    /// Large messages get a pipe that holds more than one, on both sides of a ratio: what a program would ask for. 1 MiB
    /// is the most that an ordinary user may.
    private var pipeCapacity: Int32 {
        job.bytes < 65_536 ? 0 : 1 << 20
    }

    private func passPairs(_ count: Int, toInitiator initiator: Int32, peer: Int32) throws(BenchmarkFailure) {
        var left = count
        while left > 0 {
            var near: [Int32] = []
            var far: [Int32] = []
            defer { (near + far).forEach { cbase_close($0) } }
            for _ in 0..<min(left, Self.chunk) {
                var ends: [Int32] = [0, 0]
                _ = try checked("socketpair", openPair(&ends))
                near.append(ends[0])
                far.append(ends[1])
            }
            left -= near.count
            try send(near, over: initiator)
            try send(far, over: peer)
        }
    }

    private func openPair(_ ends: inout [Int32]) -> Int32 {
        switch job.transport {
        case .packets: unsafe cbase_open_pair(Int32(cbase_pair_packets), &ends)
        case .datagrams: unsafe cbase_open_pair(Int32(cbase_pair_datagrams), &ends)
        case .tcp: unsafe cbase_open_pair(Int32(cbase_pair_tcp), &ends)
        case .udp: unsafe cbase_open_pair(Int32(cbase_pair_udp), &ends)
        default: unsafe cbase_open_stream_pair(&ends)
        }
    }

    private func send(_ descriptors: [Int32], over control: Int32) throws(BenchmarkFailure) {
        _ = try checked("passing descriptors", unsafe cbase_control_pass(control, descriptors, descriptors.count))
    }
}
