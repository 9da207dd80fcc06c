import CBaselines

/// One process of a baseline: hands the descriptors to the C that does the work, on the only thread.
struct BaselineProcess {
    let assignment: ProcessAssignment
    let descriptors: [Int32]

    private var plan: cbase_plan {
        cbase_plan(bytes: assignment.job.bytes, duration_ns: assignment.nanoseconds)
    }

    private var link: cbase_link {
        assignment.job.transport == .pipe
            ? cbase_link(reader: descriptors[0], writer: descriptors[1], is_socket: false, is_datagram: false)
            : cbase_link(
                reader: descriptors[0], writer: descriptors[0], is_socket: true,
                is_datagram: assignment.job.isDatagram)
    }

    /// Opens the listener before the process says that it is ready; nil for work without one.
    func listen() throws(BenchmarkFailure) -> Int32? {
        guard assignment.job.work == .accept, assignment.side == .peer else { return nil }
        return try checked("listening at \(assignment.path)", unsafe cbase_accept_open(assignment.path))
    }

    /// Does the work; what goes wrong stands in `report`.
    func work(listener: Int32?, report: inout cbase_report) {
        cbase_work_prepare()
        if assignment.job.isNamedMemory { return shareMemory(&report) }
        if assignment.job.isQueueStream {
            let name = QueueWork.name(assignment)
            switch assignment.side {
            case .initiator: unsafe cbase_queue_stream_send(name, plan, &report)
            case .peer: unsafe cbase_queue_stream_receive(name, plan, &report)
            }
            return
        }
        if assignment.job.isQueue {
            let isPOSIX = assignment.job.transport == .posixQueue
            unsafe cbase_queue_rtt(
                QueueWork.name(assignment), QueueWork.number(assignment), isPOSIX, assignment.side == .initiator, plan,
                &report)
            return
        }
        if assignment.job.transport == .signal {
            let initiates = assignment.side == .initiator
            if assignment.job.work == .stream {
                unsafe cbase_signal_stream(descriptors[0], initiates, plan, &report)
            } else {
                unsafe cbase_signal_rtt(descriptors[0], initiates, plan, &report)
            }
            return
        }
        if assignment.job.isRing { return turnRing(&report) }
        switch assignment.side {
        case .initiator: initiate(&report)
        case .peer: serve(listener, &report)
        }
    }

    private func shareMemory(_ report: inout cbase_report) {
        let name = "/\(BoardWork.name(assignment))"
        let makes = assignment.side == .initiator
        switch (assignment.job.work, assignment.side) {
        case (.handover, _): unsafe cbase_sync_handover(name, makes, plan, &report)
        case (.lockFutex, _): unsafe cbase_sync_lock_futex(name, plan, &report)
        case (.semaphore, _): unsafe cbase_sync_semaphore(name, plan, &report)
        case (.semaphoreTurn, _): unsafe cbase_sync_semaphore_turns(name, makes, plan, &report)
        case (.readLock, _): unsafe cbase_sync_read_lock(name, plan, &report)
        case _ where assignment.job.isLocking:
            unsafe cbase_sync_lock(name, makes, assignment.job.work == .lockContended, plan, &report)
        case (.board, .initiator): unsafe cbase_board_read(name, plan, &report)
        case (.board, .peer): unsafe cbase_board_write(name, plan, &report)
        case (_, .initiator): unsafe cbase_lane_send(name, plan, &report)
        case (_, .peer): unsafe cbase_lane_receive(name, plan, &report)
        }
        if assignment.side == .initiator { unsafe cbase_board_remove(name) }
    }

    private func turnRing(_ report: inout cbase_report) {
        let link = RingSetup.link(descriptors, assignment)
        switch (assignment.job.work, assignment.side) {
        case (.roundTrip, .initiator): unsafe cbase_ring_rtt_initiator(link, plan, &report)
        case (.roundTrip, .peer): unsafe cbase_ring_rtt_echo(link, plan, &report)
        case (.loan, .initiator): unsafe cbase_ring_loan_initiator(link, plan, &report)
        case (.loan, .peer): unsafe cbase_ring_loan_echo(link, plan, &report)
        case (_, .initiator): unsafe cbase_ring_stream_send(link, plan, &report)
        case (_, .peer): unsafe cbase_ring_stream_receive(link, plan, &report)
        }
    }

    private func initiate(_ report: inout cbase_report) {
        switch assignment.job.work {
        case .roundTrip, .hog:
            unsafe cbase_rtt_initiator(link, plan, &report)
        case .stream, .batch:
            unsafe cbase_stream_send(link, plan, &report)
        case .channels, .pool:
            unsafe cbase_channels_initiator(descriptors, descriptors.count, plan, &report)
        case .passDescriptor:
            unsafe cbase_pass_initiator(descriptors[0], plan, &report)
        case .accept:
            unsafe cbase_accept_client(assignment.path, plan, &report)
        case .spawn:
            unsafe cbase_spawn("/bin/true", plan, &report)
        case .regionCreation:
            unsafe cbase_region_create(plan, &report)
        case .regionPassing:
            unsafe cbase_region_send(descriptors[0], plan, &report)
        case .idleResident:
            unsafe cbase_idle_resident(descriptors, descriptors.count, &report)
        case .idleProcessorTime:
            unsafe cbase_idle_processor_time(descriptors, descriptors.count, plan, &report)
        case .board, .broadcast, .broadcastEach, .lock, .lockTask, .lockValue, .lockFutex, .lockContended, .handover,
            .semaphore,
            .semaphoreTurn, .readLock, .queue, .blockingQueue,
            .queueStream, .queueBatch, .call, .actor:
            unsafe cbase_report_fail(&report, "this work has its own way to start", 0)
        case .loan:
            unsafe cbase_report_fail(&report, "only rings lend", 0)
        case .allocationsInPlace, .allocationsArray, .allocationsBatch:
            unsafe cbase_report_fail(&report, "allocations have no baseline in C", 0)
        }
    }

    private func serve(_ listener: Int32?, _ report: inout cbase_report) {
        switch assignment.job.work {
        case .roundTrip, .hog:
            unsafe cbase_rtt_echo(link, plan, &report)
        case .stream, .batch:
            unsafe cbase_stream_receive(link, plan, &report)
        case .channels, .pool:
            unsafe cbase_channels_echo(descriptors, descriptors.count, plan, &report)
        case .passDescriptor:
            unsafe cbase_pass_echo(descriptors[0], plan, &report)
        case .accept:
            unsafe cbase_accept_server(listener ?? -1, plan, &report)
        case .regionPassing:
            unsafe cbase_region_receive(descriptors[0], plan, &report)
        case .idleResident, .idleProcessorTime:
            unsafe cbase_idle_hold(descriptors, descriptors.count, &report)
        case .spawn, .regionCreation, .loan, .board, .broadcast, .broadcastEach, .allocationsInPlace, .allocationsArray,
            .allocationsBatch, .lock, .lockTask, .lockValue, .lockFutex, .lockContended, .handover, .semaphore,
            .semaphoreTurn, .readLock, .queue, .blockingQueue,
            .queueStream, .queueBatch, .call, .actor:
            unsafe cbase_report_fail(&report, "this work has no peer", 0)
        }
    }
}
