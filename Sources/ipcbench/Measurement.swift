import CBaselines

/// One run of one job: starts its processes, lets them work, gathers what they report.
struct Measurement {
    /// Time beyond the measuring itself after which processes count as stuck.
    static let patience: UInt64 = 30_000_000_000

    /// Time for the reports of the others once one process has failed.
    static let afterthought: UInt64 = 500_000_000

    let job: Job
    let pinning: Pinning
    let seconds: Double

    /// One process of the run.
    private struct Started {
        let side: Side
        let process: Int32
        let control: Int32
    }

    /// Does the work once.
    func run() throws(BenchmarkFailure) -> Outcome {
        let directory = try Directory(isNeeded: job.work == .accept)
        defer { directory.remove() }
        var started: [Started] = []
        var isWhole = false
        defer {
            for one in started {
                cbase_close(one.control)
                _ = cbase_reap(one.process, !isWhole)
            }
        }
        let layout = DescriptorLayout(job: job)
        for side in [Side.initiator] + Array(repeating: .peer, count: layout.peerCount) {
            started.append(try start(side, layout: layout, path: directory.socketPath))
        }
        try layout.pass(toInitiator: started[0].control, peers: started.dropFirst().map(\.control))
        let reports = try gather(started)
        isWhole = true
        return try Outcome(job: job, initiator: reports[0], peers: Array(reports.dropFirst()))
    }

    private func start(_ side: Side, layout: DescriptorLayout, path: String) throws(BenchmarkFailure) -> Started {
        let assignment = ProcessAssignment(
            job: layout.job(for: side), side: side, pinning: pinning, nanoseconds: UInt64(seconds * 1e9),
            descriptorCount: layout.descriptorCount(for: side), path: path, parent: cbase_process_id())
        var process: Int32 = 0
        let control = unsafe withArgumentVector(["ipcbench"] + assignment.arguments) {
            unsafe cbase_launch($0, &process)
        }
        return Started(side: side, process: process, control: try checked("starting a process", control))
    }

    /// Waits for every process to be ready, the peers first, then lets them go, the peers first, and collects the
    /// reports in the order of `started`.
    private func gather(_ started: [Started]) throws(BenchmarkFailure) -> [cbase_report] {
        for one in started.reversed() {
            _ = try checked(
                "waiting for the \(one.side.rawValue)", cbase_control_await_ready(one.control, Self.patience))
        }
        for one in started.reversed() {
            _ = try checked("starting the \(one.side.rawValue)", cbase_control_go(one.control))
        }
        return try reports(of: started)
    }

    /// What each process says, in the order of `started`, taken as they come.
    ///
    /// - Throws: what all of them say that failed. After the first failure the others may wait in vain, so they are given
    ///   only a moment more.
    private func reports(of started: [Started]) throws(BenchmarkFailure) -> [cbase_report] {
        var reports = [cbase_report](repeating: cbase_report(), count: started.count)
        var failures = [String?](repeating: nil, count: started.count)
        // Below 0 once its report is there.
        var awaited = started.map(\.control)
        var end = cbase_now() + UInt64(seconds * 1e9) + Self.patience
        while awaited.contains(where: { $0 >= 0 }) {
            let now = cbase_now()
            let place = unsafe cbase_control_await_any(awaited, awaited.count, end > now ? end - now : 0)
            guard place >= 0 else {
                for (index, control) in awaited.enumerated() where control >= 0 {
                    failures[index] = missing(started[index], place)
                }
                break
            }
            let index = Int(place)
            let result = unsafe cbase_control_await_report(awaited[index], &reports[index], Self.afterthought)
            awaited[index] = -1
            if reports[index].failure != 0 {
                let detail = unsafe String(cString: cbase_report_detail(&reports[index]))
                failures[index] = "\(started[index].side.rawValue): \(detail)"
            } else if result < 0 {
                failures[index] = missing(started[index], result)
            }
            if failures[index] != nil { end = min(end, cbase_now() + Self.afterthought) }
        }
        let known = failures.compactMap(\.self)
        guard known.isEmpty else { throw BenchmarkFailure(known.joined(separator: "; ")) }
        return reports
    }

    private func missing(_ process: Started, _ result: Int32) -> String {
        BenchmarkFailure("no report from the \(process.side.rawValue)", result).description
    }
}

/// Calls `body` with `arguments` as C strings, ended by nil.
private func withArgumentVector<Result>(
    _ arguments: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    // SAFETY: the pointers lead into `text`, which outlives the call, as does the array of pointers.
    let text = arguments.flatMap { Array($0.utf8CString) }
    return unsafe text.withUnsafeBufferPointer { text in
        var pointers: [UnsafePointer<CChar>?] = unsafe []
        var place = 0
        for argument in arguments {
            unsafe pointers.append(text.baseAddress! + place)
            place += argument.utf8.count + 1
        }
        unsafe pointers.append(nil)
        return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
    }
}

/// A directory for the sockets of one run.
private struct Directory {
    private let path: String

    /// An empty path if none `isNeeded`.
    init(isNeeded: Bool) throws(BenchmarkFailure) {
        guard isNeeded else {
            path = ""
            return
        }
        var bytes = [CChar](repeating: 0, count: 64)
        _ = try checked("making a directory", unsafe cbase_make_directory(&bytes, bytes.count))
        path = String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    var socketPath: String { path.isEmpty ? "-" : path + "/socket" }

    func remove() {
        guard !path.isEmpty else { return }
        unsafe cbase_remove_directory(path)
    }
}
