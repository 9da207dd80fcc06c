/// What a roster is made of and what it gives out.
extension ServerRoster {
    enum Phase: Sendable {
        case starting
        case ready(since: ContinuousClock.Instant)
        /// Was asked to leave.
        case leaving

        var isReady: Bool {
            if case .ready = self { true } else { false }
        }
        var isLeaving: Bool {
            if case .leaving = self { true } else { false }
        }
    }

    struct Member: Sendable {
        let place: Int
        /// The row in the statistics.
        let row: Int
        var version: Int
        var phase = Phase.starting
        /// Whether it comes to replace one that serves.
        let isSuccessor: Bool
        /// Whether it is not begun yet, because of what died before it.
        var isWaiting = false
        /// Whether it has asked to be replaced. It is not forgotten before another process is ready in its place.
        var wantsReplacement = false
        var processID: Int32 = 0
    }

    /// What is to be done, in this order.
    enum Step: Sendable {
        case start(ID, place: Int, row: Int, delay: Duration)
        case leave(ID)
        case tell(ServerEvent)
        /// A process is to hear which queues are its own; nil: all processes.
        case assignQueues(ID?)
    }

    /// How a process ended that was needed.
    struct Death: Sendable {
        var error: IPCError
        /// Whether the program itself could not be run.
        var couldNotRun = false
        var event: ServerEvent
    }
}
