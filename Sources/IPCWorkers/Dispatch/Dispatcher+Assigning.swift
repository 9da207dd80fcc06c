// Tasks go from the line to workers.
extension Dispatcher {
    mutating func assign(at now: UInt64, into step: inout Step) {
        while let next = waiting.first, let lane = laneWithRoom(for: next.task) {
            _ = waiting.popFirst()
            guard let method = method(of: next.task.type, lane) else {
                deliver(.lost(unserved(next.task.type, lane)), for: next, into: &step)
                continue
            }
            if lanes[lane].assigned.isEmpty { lanes[lane].clock.began(at: now) }
            send(next, to: lane, method)
            lanes[lane].assigned.append(next)
            step.lanesToFlush.insert(lane)
            if next.task.timeLimit != nil || wakesWatchAtNextTask { step.wakesWatch = true }
            wakesWatchAtNextTask = false
        }
        if !waiting.isEmpty { wakeDormantLanes(into: &step) }
    }

    private mutating func send(_ next: Assignment, to lane: Int, _ method: UInt32) {
        let task = next.task
        var method = method
        lanes[lane].assignedBytes += task.bytes.range.count
        if task.bytes.hasParcel {
            lanes[lane].assignedParcels += 1
            lanes[lane].parcels.append(Parcel(id: next.id, task.bytes))
            method |= TaskRequest.hasParcel
        }
        if task.timeLimit != nil { method |= TaskRequest.hasTimeLimit }
        let fields = CallRequestFields(
            remaining: task.deadline.nanosecondsRemaining, window: task.window, method: method)
        lanes[lane].outbox.append { buffer in
            guard let timeLimit = task.timeLimit else {
                return CallWire.appendRequest(id: next.id, fields, TaskRequest.inFrame(task.bytes), to: &buffer)
            }
            CallWire.append(.request, id: next.id, to: &buffer) { buffer in
                CallWire.appendFields(fields, to: &buffer)
                CallWire.append(timeLimit, to: &buffer)
                unsafe TaskRequest.inFrame(task.bytes).withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
            }
        }
    }

    /// The ready worker with the fewest tasks, if one has room.
    private func laneWithRoom(for task: Submission) -> Int? {
        var best: Int?
        var fewest = Int.max
        for index in lanes.indices {
            let count = lanes[index].assigned.count
            guard count < fewest, lanes[index].isReady, lanes[index].retirement == nil,
                count < lanes[index].clock.window,
                count == 0 || lanes[index].assignedBytes < Self.maximumAssignedBytes,
                count < tasksPerWorker - lanes[index].finished,
                !task.bytes.hasParcel || lanes[index].assignedParcels < Self.maximumAssignedParcels
            else { continue }
            best = index
            fewest = count
        }
        return best
    }

    /// Work waits: as many of the places that sleep get a worker as there are tasks.
    private mutating func wakeDormantLanes(into step: inout Step) {
        var wanted = waiting.count
        for lane in lanes.indices where lanes[lane].isDormant && wanted > 0 {
            lanes[lane].isDormant = false
            step.lanesToWake.insert(lane)
            wanted -= 1
        }
    }

    private mutating func method(of type: Int, _ lane: Int) -> UInt32? {
        while lanes[lane].methods.count <= type {
            lanes[lane].methods.append(lanes[lane].served[typeNames[lanes[lane].methods.count]])
        }
        return lanes[lane].methods[type]
    }

    private func unserved(_ type: Int, _ lane: Int) -> IPCError {
        let served = lanes[lane].served.keys.sorted().joined(separator: ", ")
        return IPCError(
            .invalidArgument,
            "run a task: its type is not one that the worker serves (\(served)); "
                + "name it in Worker.serveIfSpawned at the start of the worker's main",
            object: typeNames[type])
    }
}

/// What the number of a request's method says beside the type.
enum TaskRequest {
    /// A parcel goes with it: the value, or descriptors, or both.
    static let hasParcel: UInt32 = 1 << 31
    /// The payload begins with 8 bytes: nanoseconds that the task may run.
    static let hasTimeLimit: UInt32 = 1 << 30
    static let typeMask: UInt32 = hasTimeLimit - 1

    /// The value as far as it goes in the frame.
    @_lifetime(borrow bytes)
    static func inFrame(_ bytes: TaskBytes) -> RawSpan {
        unsafe bytes.buffer.span.bytes.extracting(bytes.range)
    }
}
