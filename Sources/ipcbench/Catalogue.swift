/// All rows, in the order of the table.
enum Catalogue {
    static let rows: [Row] =
        roundTrips(over: .pipe) + roundTrips(over: .unixStream)
        + roundTrips(over: .packets) + roundTrips(over: .tcp) + datagrams
        + [manyChannels(4), manyChannels(64)].flatMap(\.self) + [besideHog]
        + streams(over: .pipe) + streams(over: .unixStream)
        + rings + sharing + locks + queues + signals + regions + [passing, spawning] + accepting + idling
        + [10, 100, 1_000, 10_000].map(scaling) + pools
        + allocations(over: .pipe) + allocations(over: .unixStream)

    static let small = [8, 64, 1_024]

    private static func roundTrips(over transport: Job.Transport) -> [Row] {
        let isPipe = transport == .pipe
        let baseline = isPipe ? "C read/write, epoll" : "C recv/send, epoll"
        var rows: [Row] = []
        for bytes in small + [65_536] {
            for pinning in [Pinning.same, .cross] {
                let limit: Double? =
                    switch (pinning, bytes) {
                    case (.same, _) where transport == .tcp: 1.10
                    case (_, _) where transport == .tcp: nil
                    case (.same, 65_536): isPipe ? 1.05 : 1.15
                    case (.same, _): isPipe ? 1.25 : 1.15
                    case (_, 65_536): nil
                    default: isPipe ? 0.2 : 0.35
                    }
                rows.append(
                    row(
                        "\(transport.rawValue)/rtt/\(bytes)/\(pinning.rawValue)", pinning,
                        Job(work: .roundTrip, transport: transport, by: .library, bytes: bytes), baseline,
                        limit.map { .atMost($0, .p50) } ?? .none))
            }
        }
        guard isPipe else { return rows }
        for (pinning, limit) in [(Pinning.same, 2.6), (.cross, 0.25)] {
            rows.append(
                row(
                    "pipe/rtt/64/\(pinning.rawValue)/default-executor", pinning,
                    Job(work: .roundTrip, transport: .pipe, by: .library, executor: .standard, bytes: 64), baseline,
                    .atMost(limit, .p50)))
        }
        return rows
    }

    private static var datagrams: [Row] {
        [Job.Transport.datagrams, .udp].flatMap { transport in
            [Pinning.same, .cross].map { pinning in
                row(
                    "\(transport.rawValue)/rtt/64/\(pinning.rawValue)", pinning,
                    Job(work: .roundTrip, transport: transport, by: .library, bytes: 64), "C recv/send, epoll",
                    .atMost(1.15, .p50))
            }
        }
    }

    private static func manyChannels(_ count: Int) -> [Row] {
        [Pinning.same, .cross].map { pinning in
            row(
                "unix-stream/channels/\(count)/\(pinning.rawValue)", pinning,
                Job(work: .channels, transport: .unixStream, by: .library, bytes: 64, channels: count),
                "C epoll, one thread", .atMost(1.25, .meanTime))
        }
    }

    private static var besideHog: Row {
        let alone = Job(work: .roundTrip, transport: .unixStream, by: .library, bytes: 64)
        var beside = alone
        beside.work = .hog
        beside.channels = 2
        return Row(
            name: "unix-stream/hog", pinning: .free, ours: beside, theirs: alone, baseline: "ours, without the hog",
            target: .atMost(1.2, .p50).and(.atMost(5, .p99)))
    }

    private static func streams(over transport: Job.Transport) -> [Row] {
        let baseline = transport == .pipe ? "C, one write each" : "C, one send each"
        var rows: [Row] = []
        for bytes in [64, 1_024, 65_536, 1_048_576] {
            for pinning in [Pinning.same, .cross] {
                rows.append(
                    row(
                        "\(transport.rawValue)/stream/\(bytes)/\(pinning.rawValue)", pinning,
                        Job(work: .stream, transport: transport, by: .library, bytes: bytes), baseline,
                        .atLeast(bytes == 64 ? 0.85 : 0.95, .throughput)))
            }
        }
        for pinning in [Pinning.same, .cross] {
            let ours = Job(work: .batch, transport: transport, by: .library, bytes: 64)
            let theirs = Job(work: .stream, transport: transport, by: .c, bytes: 64)
            rows.append(
                Row(
                    name: "\(transport.rawValue)/batch/64/\(pinning.rawValue)", pinning: pinning, ours: ours,
                    theirs: theirs, baseline: baseline, target: .atLeast(8, .throughput)))
        }
        return rows
    }

    private static var sharing: [Row] {
        [
            row(
                "blackboard/read/cross", .cross, Job(work: .board, transport: .none, by: .library, bytes: 64),
                "the same in C, whose writer wakes nobody", .atMost(1.15, .meanTime)),
            row(
                "broadcast/stream/64/free", .free,
                Job(work: .broadcast, transport: .none, by: .library, bytes: 64, channels: 2),
                "C ring to one reader, spinning; ours: batches to two", .atLeast(0.6, .throughput)),
            row(
                "broadcast/each/64/free", .free,
                Job(work: .broadcastEach, transport: .none, by: .library, bytes: 64, channels: 2),
                "C ring to one reader, spinning; ours: one by one to two", .none),
        ]
    }

    private static var rings: [Row] {
        var rows: [Row] = []
        for (bytes, limit) in [(8, 1.2), (64, 1.2), (1_024, 1.1), (65_536, 1.1)] {
            rows.append(
                row(
                    "ring/rtt/\(bytes)/spin/cross", .cross,
                    Job(work: .roundTrip, transport: .ring, by: .library, bytes: bytes), "C ring, spinning",
                    .atMost(limit, .p50)))
        }
        rows.append(
            row(
                "ring/rtt/64/sleep/same", .same, Job(work: .roundTrip, transport: .ring, by: .library, bytes: 64),
                "C ring, eventfd", .atMost(1.15, .p50)))
        for (bytes, limit) in [(64, 0.7), (1_024, 0.9), (65_536, 0.95), (1_048_576, 0.95)] {
            rows.append(
                row(
                    "ring/stream/\(bytes)/cross", .cross,
                    Job(work: .stream, transport: .ring, by: .library, bytes: bytes), "C ring, spinning",
                    .atLeast(limit, .throughput)))
        }
        rows.append(
            row(
                "ring/stream/1024/untrusted/cross", .cross,
                Job(work: .stream, transport: .untrustedRing, by: .library, bytes: 1_024), "C ring, spinning",
                .atLeast(0.6, .throughput)))
        var batch = row(
            "ring/batch/64/cross", .cross, Job(work: .batch, transport: .ring, by: .library, bytes: 64),
            "C ring, one by one", .atLeast(1.2, .throughput))
        batch.theirs?.work = .stream
        rows.append(batch)
        for bytes in [1_024, 1_048_576, 4_194_304] {
            rows.append(
                row(
                    "ring/loan/\(bytes)/cross", .cross,
                    Job(work: .loan, transport: .ring, by: .library, bytes: bytes), "C ring, spinning",
                    bytes == 4_194_304 ? .atMost(1.1, .medianGrowth(since: "ring/loan/1024/cross")) : .none))
        }
        return rows
    }

    private static var passing: Row {
        row(
            "fd-pass/rtt/1/same", .same, Job(work: .passDescriptor, transport: .unixStream, by: .library, bytes: 1),
            "C sendmsg/recvmsg, epoll", .atMost(1.15, .p50))
    }

    private static var spawning: Row {
        row(
            "spawn/true", .free, Job(work: .spawn, transport: .none, by: .library, bytes: 0),
            "C posix_spawn, pipe, waitpid", .atMost(1.05, .p50))
    }

    private static var regions: [Row] {
        [
            row(
                "region/create/65536", .free, Job(work: .regionCreation, transport: .none, by: .library, bytes: 65_536),
                "C memfd_create, ftruncate, mmap", .atMost(1.2, .p50)),
            row(
                "region/map", .free,
                Job(work: .regionPassing, transport: .unixStream, by: .library, bytes: 1_048_576),
                "C sendmsg of the same bytes", .none),
        ]
    }

    private static var accepting: [Row] {
        [Pinning.same, .cross].map { pinning in
            row(
                "accept/rate/\(pinning.rawValue)", pinning,
                Job(work: .accept, transport: .none, by: .library, bytes: 64), "C accept4, epoll",
                .atLeast(0.85, .throughput))
        }
    }

    private static var idling: [Row] {
        var resident = row(
            "idle/1000/resident", .free,
            Job(work: .idleResident, transport: .unixStream, by: .library, bytes: 0, channels: 1_000),
            "2048 bytes a channel", .atMost(2_048, .figure))
        resident.reference = 2_048
        resident.roundLimit = 3
        var processorTime = row(
            "idle/1000/processor-time", .free,
            Job(work: .idleProcessorTime, transport: .unixStream, by: .library, bytes: 0, channels: 1_000),
            "1 ms of processor time", .atMost(1_000_000, .figure))
        processorTime.reference = 1_000_000
        processorTime.roundLimit = 1
        processorTime.ownSeconds = 10
        return [resident, processorTime]
    }

    private static func scaling(_ count: Int) -> Row {
        // Rounds of short measurements scatter by a tenth: that much is not growth.
        let target = count == 10 ? Target.none : .atMost(1.1, .growth(since: "scale/channels/10/same"))
        return row(
            "scale/channels/\(count)/same", .same,
            Job(work: .channels, transport: .unixStream, by: .library, bytes: 64, channels: count),
            "C epoll, one thread", target)
    }

    private static var pools: [Row] {
        let noop = Job(work: .pool, transport: .unixStream, by: .library, bytes: 16, channels: 2)
        var python = row(
            "pool/noop/python", .free, noop, "Python's Pool.imap, chunksize 1", .atLeast(20, .throughput))
        python.theirs = Job(work: .pythonPool, transport: .none, by: .library, bytes: 16, channels: 2)
        var bytes = row(
            "pool/bytes/1048576", .free,
            Job(work: .poolBytes, transport: .none, by: .library, bytes: 1_048_576, channels: 1),
            "C ring, there and back", .atLeast(0.8, .throughput))
        bytes.theirs = Job(work: .roundTrip, transport: .ring, by: .c, bytes: 1_048_576)
        return [
            row("pool/noop", .free, noop, "C, one request at a time per worker", .atLeast(3, .throughput)), python,
            bytes,
        ]
    }

    private static func allocations(over transport: Job.Transport) -> [Row] {
        // A hundredth for what happens once in a while, such as a task's stack that grows.
        let forms: [(String, Job.Work, Double)] = [
            ("in-place", .allocationsInPlace, 0.01), ("batch", .allocationsBatch, 0.01),
            ("array", .allocationsArray, 1.01),
        ]
        return forms.map { name, work, limit in
            var one = row(
                "allocations/\(transport.rawValue)/\(name)", .same,
                Job(work: work, transport: transport, by: .library, bytes: 64), "one allocation a message",
                .atMost(limit, .figure))
            one.theirs = nil
            one.reference = 1
            one.roundLimit = 1
            return one
        }
    }

    /// A row whose baseline is the same job in C.
    static func row(_ name: String, _ pinning: Pinning, _ ours: Job, _ baseline: String, _ target: Target)
        -> Row
    {
        var theirs = ours
        theirs.by = .c
        return Row(name: name, pinning: pinning, ours: ours, theirs: theirs, baseline: baseline, target: target)
    }
}
