import IPCSystem
import Synchronization

/// One process of a supervised program, from its start to its end.
final class SupervisedProcess: Sendable {
    /// What is to be known of it.
    enum Report: Sendable {
        case ready
        case status(String)
        case unhealthy(String)
        /// How it ended; nil: by itself, and well.
        case ended(IPCError?)
    }

    let child: ChildProcess
    private let spec: SupervisedChild
    private let path: String
    private let outputs: [SupervisedOutput]
    private let report: @Sendable (Report) -> Void
    private let notifications: NotificationSocket
    private let tasks = Lock<[Task<Void, Never>]>([])
    private let burial = Lock<Task<Void, Never>?>(nil)
    private let isReady = Atomic<Bool>(false)
    private let lastAlive = Atomic<UInt64>(0)
    /// Why it was killed, if it was not well.
    private let complaint = Lock<String?>(nil)

    /// Starts the program. `report` is called from tasks of the library.
    ///
    /// - Throws: what `spawn` throws.
    static func start(
        _ spec: SupervisedChild, _ program: SupervisedChild.Program, path: String,
        _ report: @escaping @Sendable (Report) -> Void
    ) async throws(IPCError) -> SupervisedProcess {
        let notifications = try NotificationSocket()
        var options = program.options
        options.environment = options.environment.updating([
            Readiness.Variable.socket: notifications.address,
            Readiness.Variable.watchdog: spec.watchdogMicroseconds.map(String.init),
            // Of a manager of this process, who means this process.
            Readiness.Variable.watchdogProcess: nil,
        ])
        if program.output != .inherited { (options.standardOutput, options.standardError) = (.pipe, .pipe) }
        let child = try await ChildProcess.spawn(
            program.executable, arguments: program.arguments, options: options,
            transferring: try program.endpoints())
        var outputs: [SupervisedOutput] = []
        if program.output != .inherited {
            let prefix = program.output == .prefixed ? path : nil
            outputs = [
                SupervisedOutput(try child.standardError, prefix: prefix),
                SupervisedOutput(try child.standardOutput, prefix: prefix),
            ]
        }
        return SupervisedProcess(child, spec, path, outputs, notifications, report)
    }

    private init(
        _ child: ChildProcess, _ spec: SupervisedChild, _ path: String, _ outputs: [SupervisedOutput],
        _ notifications: NotificationSocket, _ report: @escaping @Sendable (Report) -> Void
    ) {
        self.child = child
        self.spec = spec
        self.path = path
        self.outputs = outputs
        self.notifications = notifications
        self.report = report
    }

    /// Begins to report. After whoever started it has it.
    func watch() {
        run { await $0.hear() }
        let burial = Task(executorPreference: IPCExecutor.shared) { [self] in await bury() }
        self.burial.withLock { $0 = burial }
        switch spec.readyWhen {
        case .started: becomeReady()
        case .announced(let limit):
            run { process in
                try? await Task.sleep(for: limit)
                guard !Task.isCancelled, !process.isReady.load(ordering: .relaxed) else { return }
                process.kill("it did not say within \(limit) that it is ready (Readiness.announce, or READY=1)")
            }
        }
    }

    private func run(_ body: @escaping @Sendable (SupervisedProcess) async -> Void) {
        let task = Task(executorPreference: IPCExecutor.shared) { [self] in await body(self) }
        tasks.withLock { $0.append(task) }
    }

    private func hear() async {
        await notifications.read(from: child.processID) { notice in
            if notice.isAlive || notice.isReady { lastAlive.store(MonotonicClock.nanoseconds, ordering: .relaxed) }
            if let status = notice.status { report(.status(status)) }
            if notice.isReady { becomeReady() }
        }
    }

    private func becomeReady() {
        guard !isReady.exchange(true, ordering: .relaxed) else { return }
        lastAlive.store(MonotonicClock.nanoseconds, ordering: .relaxed)
        if let check = spec.healthCheck { run { await $0.keepChecking(check) } }
        report(.ready)
    }

    // MARK: Health

    private func keepChecking(_ check: SupervisedChild.HealthCheck) async {
        var failures = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: check.interval)
            if Task.isCancelled { return }
            switch check.kind {
            case .watchdog:
                let quiet = MonotonicClock.nanoseconds &- lastAlive.load(ordering: .relaxed)
                // A word that came while this was read counts.
                guard Int64(bitPattern: quiet) > 0, Duration.nanoseconds(Int64(clamping: quiet)) > check.interval else {
                    continue
                }
                return kill("it did not say for \(check.interval) that it is well (Readiness.keepAlive, or WATCHDOG=1)")
            case .probe(let limit, let probe):
                failures = await isWell(probe, within: check.interval) ? 0 : failures + 1
                if failures >= limit { return kill("its health check failed \(failures) times in a row") }
            }
        }
    }

    private func isWell(_ probe: @escaping @Sendable (Int32) async throws -> Void, within limit: Duration) async -> Bool
    {
        let bell = ChangeBell()
        let found = ProbeResult()
        let processID = child.processID
        // On its own, because it may never return.
        let work = Task {
            let isWell = (try? await probe(processID)) != nil
            found.value.withLock { $0 = isWell }
            bell.ring()
        }
        let isWell = try? await bell.wait(until: .after(limit), "check a child") { found.value.withLock { $0 } }
        work.cancel()
        return isWell ?? false
    }

    private final class ProbeResult: Sendable {
        let value = Lock<Bool?>(nil)
    }

    private func kill(_ reason: String) {
        complaint.withLock { $0 = reason }
        report(.unhealthy(reason))
        run { _ = try? await $0.child.kill() }
    }

    // MARK: End

    /// Waits until the process is gone and what it wrote has been passed on.
    func waitUntilBuried() async { await burial.withLock { $0 }?.value }

    private func bury() async {
        try? await child.waitForEnd()
        // What is left of its group goes as well, and is found as long as the status is not taken.
        let status = try? await child.kill()
        var tail = ""
        for (index, output) in outputs.enumerated() {
            let text = await output.finish()
            if index == 0 { tail = text }
        }
        report(.ended(error(status, tail)))
        for task in tasks.withLock({ $0 }) { task.cancel() }
    }

    private func error(_ status: ExitStatus?, _ tail: String) -> IPCError? {
        let complaint = complaint.withLock { $0 }
        guard complaint != nil || status?.isSuccess != true else { return nil }
        var message = "supervise: \(path) "
        message += complaint.map { "was killed: \($0)" } ?? status.map { "\($0)" } ?? "ended"
        if !tail.isEmpty { message += "; its standard error: \(tail)" }
        return IPCError(
            .processFailed, message, object: "process \(child.processID)",
            detail: WorkerCrash(
                workerIndex: 0, processID: child.processID, status: status, standardErrorTail: tail))
    }
}

extension SupervisedChild {
    /// What a watchdog allows.
    fileprivate var watchdogMicroseconds: Int64? {
        guard let healthCheck, case .watchdog = healthCheck.kind else { return nil }
        return Int64(healthCheck.interval.nanosecondsClamped / 1000)
    }
}
