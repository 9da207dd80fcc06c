import CBaselines
import IPCCore
import IPCPipes
import IPCSockets

/// What one process of the library's side does.
enum LibraryWork: Sendable {
    case pipe(PipeWork)
    case ring(RingWork)
    case sockets(ManyChannels)
    case datagrams(DatagramWork)
    case board(BoardWork)
    case sync(SyncWork)
    case queue(QueueWork)
    case queueStream(SharedQueueWork)
    case mailbox(MailboxWork)
    case signals(SignalWork)
    case idle(Idle)
    case spawn(SpawnWork)
    case pool(PoolWork)
    case pythonPool(PythonPool)
    case pass(PassWork)
    case call(CallWork)
    case server(AcceptServer)
    case client(AcceptClient)
    case regionCreation(RegionCreation)
    case regionPassing(RegionPassing)

    /// Makes the objects to work on, which own the descriptors.
    init(assignment: ProcessAssignment, descriptors: [Int32]) throws(IPCError) {
        switch (assignment.job.work, assignment.job.transport) {
        case (.accept, _):
            self =
                assignment.side == .peer
                ? .server(try AcceptServer(assignment: assignment)) : .client(try AcceptClient(assignment: assignment))
        case _ where assignment.job.isLocking: self = .sync(SyncWork(assignment: assignment))
        case (_, .sharedQueue): self = .queueStream(SharedQueueWork(assignment: assignment))
        case (_, .mailbox): self = .mailbox(MailboxWork(assignment: assignment))
        case (_, .posixQueue), (_, .systemVQueue): self = .queue(QueueWork(assignment: assignment))
        case (_, .signal):
            self = .signals(SignalWork(socket: try openSocketChannel(descriptors[0]), assignment: assignment))
        case (.board, _), (.broadcast, _), (.broadcastEach, _): self = .board(BoardWork(assignment: assignment))
        case (.passDescriptor, _): self = .pass(try PassWork(descriptors[0], assignment: assignment))
        case (.call, _), (.actor, _):
            self = .call(CallWork(channel: try openSocketChannel(descriptors[0]), assignment: assignment))
        case (.regionCreation, _): self = .regionCreation(RegionCreation(assignment: assignment))
        case (.regionPassing, _):
            self = .regionPassing(try RegionPassing(descriptors[0], assignment: assignment))
        case (.idleResident, _), (.idleProcessorTime, _):
            self = .idle(Idle(assignment: assignment, descriptors: descriptors))
        case (.spawn, _): self = .spawn(SpawnWork(assignment: assignment))
        case (.pool, _), (.poolBytes, _): self = .pool(PoolWork(assignment: assignment))
        case (.pythonPool, _): self = .pythonPool(PythonPool(assignment: assignment))
        case (_, .pipe):
            self = .pipe(PipeWork(channel: try openPipeChannel(descriptors), assignment: assignment))
        case (_, .ring), (_, .untrustedRing):
            self = .ring(
                RingWork(channel: try RingSetup.open(descriptors, assignment), assignment: assignment))
        case (_, .datagrams), (_, .udp):
            self = .datagrams(try DatagramWork(descriptors[0], assignment: assignment))
        case (_, .unixStream), (_, .packets), (_, .tcp), (_, .none):
            var channels: [SocketChannel] = []
            for descriptor in descriptors { channels.append(try openSocketChannel(descriptor)) }
            self = .sockets(ManyChannels(channels: channels, assignment: assignment))
        }
    }

    /// Does the work.
    func perform() async -> cbase_report {
        switch self {
        case .pipe(let work): await work.perform()
        case .ring(let work): await work.perform()
        case .sockets(let channels): await channels.perform()
        case .datagrams(let work): await work.perform()
        case .board(let work): await work.perform()
        case .sync(let work): await work.perform()
        case .queue(let work): await work.perform()
        case .queueStream(let work): await work.perform()
        case .mailbox(let work): await work.perform()
        case .signals(let work): await work.perform()
        case .spawn(let work): await work.perform()
        case .pool(let work): await work.perform()
        case .pythonPool(let work): await work.perform()
        case .pass(let work): await work.perform()
        case .call(let work): await work.perform()
        case .server(let work): await work.perform()
        case .client(let work): await work.perform()
        case .regionCreation(let work): await work.perform()
        case .regionPassing(let work): await work.perform()
        case .idle(let idle):
            idle.assignment.job.work == .idleResident ? await idle.resident() : await idle.processorTime()
        }
    }
}

extension PipeWork {
    /// Does this side's work and finishes the channel.
    func perform() async -> cbase_report {
        var report = cbase_report()
        let job = assignment.job
        switch (job.work, assignment.side) {
        case (.roundTrip, .initiator):
            let window = TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: assignment.nanoseconds)
            var trips = Trips(bytes: job.bytes, window: window)
            await roundTrips(&trips)
            report = TimeLog.report(of: [trips.log], in: window)
        case (.stream, .initiator): await send(&report)
        case (.stream, .peer): await receive(&report)
        case (.batch, .initiator): await sendBatches(&report)
        case (.batch, .peer): await receiveBatches(&report)
        case (.allocationsInPlace, .initiator), (.allocationsArray, .initiator), (.allocationsBatch, .initiator):
            report = await Allocations(form: job.work, bytes: job.bytes).count(
                trips: { job.work == .allocationsArray ? await arrayRoundTrips(&$0) : await roundTrips(&$0) },
                batches: { await batchRoundTrips(&$0, &$1) })
        case (.allocationsBatch, .peer): await echoBatches(&report)
        case (_, .peer): await echo(&report)
        case (_, .initiator): unsafe cbase_report_fail(&report, "this work has no pipe", 0)
        }
        // A peer has seen the end, and the initiator may be gone already.
        if assignment.side == .initiator { await finish(&report) }
        return report
    }
}

extension ManyChannels {
    /// Does this side's work and finishes the channels.
    func perform() async -> cbase_report {
        var report = cbase_report()
        let job = assignment.job
        let first = SocketWork(channel: channels[0], assignment: assignment)
        switch (job.work, assignment.side) {
        case (.roundTrip, .initiator), (.channels, .initiator): report = await roundTrips()
        case (.hog, .initiator):
            report = await Hog(measured: first, hog: SocketWork(channel: channels[1], assignment: assignment)).run()
        case (.stream, .initiator): await first.send(&report)
        case (.stream, .peer): await first.receive(&report)
        case (.batch, .initiator): await first.sendBatches(&report)
        case (.batch, .peer): await first.receiveBatches(&report)
        case (.allocationsInPlace, .initiator), (.allocationsArray, .initiator), (.allocationsBatch, .initiator):
            report = await Allocations(form: job.work, bytes: job.bytes).count(
                trips: {
                    job.work == .allocationsArray ? await first.arrayRoundTrips(&$0) : await first.roundTrips(&$0)
                },
                batches: { await first.batchRoundTrips(&$0, &$1) })
        case (.allocationsBatch, .peer): await first.echoBatches(&report)
        case (_, .peer): report = await echo()
        case (_, .initiator): unsafe cbase_report_fail(&report, "this work has no socket", 0)
        }
        guard assignment.side == .initiator else { return report }
        for channel in channels { await SocketWork(channel: channel, assignment: assignment).finish(&report) }
        return report
    }
}
