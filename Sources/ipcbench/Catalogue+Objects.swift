/// Locks, queues and signals.
extension Catalogue {
    static var locks: [Row] {
        func row(_ name: String, _ pinning: Pinning, _ work: Job.Work, _ bytes: Int, _ target: Target) -> Row {
            let theirs =
                switch work {
                case .handover: "C pshared pthread condition"
                case .semaphore, .semaphoreTurn: "C pshared sem_t"
                case .readLock: "C pshared pthread rwlock"
                default: "C robust pshared pthread mutex"
                }
            return Self.row(
                name, pinning, Job(work: work, transport: .none, by: .library, bytes: bytes), theirs, target)
        }
        var plain = row("mutex/uncontended/futex", .free, .lock, 8, .atMost(1.2, .meanTime))
        plain.theirs?.work = .lockFutex
        plain.baseline = "C futex lock, which does not survive its owner"
        return [
            row("mutex/uncontended", .free, .lock, 8, .atMost(0.5, .meanTime)), plain,
            row("mutex/contended/cross", .cross, .lockContended, 8, .atMost(0.9, .meanTime)),
            row("mutex/async", .free, .lockTask, 8, .atMost(1.3, .meanTime)),
            row("mutex/value/64", .free, .lockValue, 64, .atMost(1.1, .meanTime)),
            row("condition/handover/same", .same, .handover, 8, .atMost(0.7, .meanTime)),
            row("semaphore/uncontended", .free, .semaphore, 8, .atMost(0.9, .meanTime)),
            row("semaphore/handover/same", .same, .semaphoreTurn, 8, .atMost(1.1, .meanTime)),
            row("rwlock/read", .free, .readLock, 8, .atMost(1.0, .meanTime)),
        ]
    }

    static var queues: [Row] {
        var rows: [Row] = []
        for transport in [Job.Transport.posixQueue, .systemVQueue] {
            for pinning in [Pinning.same, .cross] {
                for (work, suffix, limit) in [(Job.Work.queue, "", 1.3), (.blockingQueue, "/blocking", 1.1)] {
                    let job = Job(work: work, transport: transport, by: .library, bytes: 64)
                    rows.append(
                        row(
                            "\(transport.rawValue)/rtt/64/\(pinning.rawValue)\(suffix)", pinning, job,
                            transport == .posixQueue ? "C mq_send/mq_receive" : "C msgsnd/msgrcv", .atMost(limit, .p50))
                    )
                }
            }
        }
        for (work, name) in [
            (Job.Work.queueStream, "stream/64"), (.queueBatch, "batch/64"), (.queueThreads, "stream/64/blocking"),
        ] {
            var one = row(
                "shared-queue/\(name)", .free,
                Job(work: work, transport: .sharedQueue, by: .library, bytes: 64, channels: 2),
                "C mq_send/mq_receive, one by one; two send, two receive", .atLeast(10, .throughput))
            one.theirs?.work = .queueStream
            rows.append(one)
        }
        for (work, suffix) in [(Job.Work.queueStream, "stream"), (.queueBroadcast, "broadcast")] {
            var one = row(
                "mailbox/\(suffix)/64", .free,
                Job(work: work, transport: .mailbox, by: .library, bytes: 64, channels: 2),
                "C mq_send/mq_receive, one by one, each message to one; two send, two receive", .none)
            one.theirs?.work = .queueStream
            rows.append(one)
        }
        return rows
    }

    static var signals: [Row] {
        [Pinning.same, .cross].flatMap { pinning in
            [
                row(
                    "signal/rtt/\(pinning.rawValue)", pinning,
                    Job(work: .roundTrip, transport: .signal, by: .library, bytes: 4), "C sigqueue + signalfd",
                    .atMost(1.3, .p50)),
                row(
                    "signal/stream/\(pinning.rawValue)", pinning,
                    Job(work: .stream, transport: .signal, by: .library, bytes: 4), "C sigqueue + signalfd",
                    .atLeast(0.77, .throughput)),
            ]
        }
    }
}
