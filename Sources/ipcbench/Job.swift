/// One piece of work, as both sides of a ratio do it.
struct Job: Equatable {
    /// What is done.
    enum Work: String {
        /// A message goes over, the same bytes come back.
        case roundTrip = "rtt"
        /// Messages one way, one send each.
        case stream
        /// Messages one way, many in one send.
        case batch
        /// A message is lent, 8 bytes of it are written; 8 bytes come back.
        case loan
        /// Many round trips at once, one on each channel.
        case channels
        /// Round trips beside a task that works for 50 ms each time it is resumed.
        case hog
        /// Tasks that do nothing, given to two workers.
        case pool
        /// A request and its reply.
        case call
        /// A call of a distributed actor.
        case actor
        /// Tasks that give back their bytes.
        case poolBytes = "pool-bytes"
        /// The same as `pool` by Python's `multiprocessing.Pool`: a baseline alone.
        case pythonPool = "pool-python"
        /// A descriptor goes over and comes back.
        case passDescriptor = "fd-pass"
        /// The latest value is read while another process writes without pause.
        case board = "blackboard"
        /// Messages one way, to two readers, many in one send.
        case broadcast
        /// The same, one send and one receive each.
        case broadcastEach = "broadcast-each"
        /// Take a lock, add one, let go; nobody else wants it.
        case lock = "mutex-lock"
        /// The same by a task.
        case lockTask = "mutex-async"
        /// The same with a value of `bytes` bytes that is whole whoever dies.
        case lockValue = "mutex-value"
        /// The same with the plainest lock there is in C, which does not survive its owner: a baseline alone.
        case lockFutex = "mutex-futex"
        /// The same against another process.
        case lockContended = "mutex-contended"
        /// A turn that goes to the other process and back by a condition.
        case handover = "condition-handover"
        /// Take a permit and give it back; nobody else wants it.
        case semaphore = "semaphore-take"
        /// A permit that goes to the other process, and another that comes back.
        case semaphoreTurn = "semaphore-handover"
        /// Lock for reading, look, let go; nobody writes.
        case readLock = "rwlock-read"
        /// A message goes over by one queue of the kernel and comes back by another, by tasks.
        case queue = "queue-rtt"
        /// The same on threads that block.
        case blockingQueue = "queue-rtt-blocking"
        /// Two tasks send messages to a queue, two processes receive them, one by one.
        case queueStream = "queue-stream"
        /// The same, many in one call.
        case queueBatch = "queue-batch"
        /// The same, one by one, on threads that block.
        case queueThreads = "queue-threads"
        /// The same by tasks, one by one, and each process receives all of them.
        case queueBroadcast = "queue-broadcast"
        /// Connect, one message, close.
        case accept
        /// Start a program, read its output to the end, collect its status.
        case spawn
        /// Make shared memory, map it, touch it, give it back.
        case regionCreation = "region-create"
        /// Memory that is made, passed on, and touched by the other process.
        case regionPassing = "region-map"
        /// Memory that channels take on which nothing happens.
        case idleResident = "idle-resident"
        /// Processor time that channels take on which nothing happens.
        case idleProcessorTime = "idle-processor-time"
        /// Heap allocations of round trips with the in-place forms.
        case allocationsInPlace = "allocations-in-place"
        /// Heap allocations of round trips whose messages are arrays.
        case allocationsArray = "allocations-array"
        /// Heap allocations of batches there and back.
        case allocationsBatch = "allocations-batch"
    }

    /// What carries the messages.
    enum Transport: String {
        case pipe
        case unixStream = "unix-stream"
        case packets = "seqpacket"
        case tcp
        case datagrams = "datagram"
        case udp
        case ring
        /// A ring that does not trust its peer.
        case untrustedRing = "ring-untrusted"
        case posixQueue = "posix-queue"
        case systemVQueue = "sysv-queue"
        case sharedQueue = "shared-queue"
        case mailbox
        /// Real-time signals with a value.
        case signal
        /// The work brings its own: a path, a child.
        case none
    }

    /// Who does the work.
    enum Implementation: String {
        case library
        case c
    }

    /// Where the library's tasks run.
    enum Executor: String {
        case ipc
        case standard = "default"
    }

    var work: Work
    var transport: Transport
    var by: Implementation
    var executor = Executor.ipc
    /// Bytes of one message.
    var bytes: Int
    /// Channels that are used at once.
    var channels = 1

    /// Whether both sides find each other by a name in shared memory.
    var isNamedMemory: Bool { work == .board || isBroadcast || isLocking }

    var isBroadcast: Bool { work == .broadcast || work == .broadcastEach }

    /// Whether it is about a lock or a condition.
    var isLocking: Bool {
        switch work {
        case .lock, .lockTask, .lockValue, .lockFutex, .lockContended, .handover, .semaphore, .semaphoreTurn, .readLock:
            true
        default: false
        }
    }

    /// Whether both sides find each other by the name of a queue.
    var isQueue: Bool { transport == .posixQueue || transport == .systemVQueue || isQueueStream }

    /// Whether several send to one queue, and several receive.
    var isQueueStream: Bool {
        work == .queueStream || work == .queueBatch || work == .queueThreads || work == .queueBroadcast
    }

    /// Whether messages have no stream and no end.
    var isDatagram: Bool { transport == .datagrams || transport == .udp }

    var isRing: Bool { transport == .ring || transport == .untrustedRing }

    /// Whether times are taken at one end and messages counted at the other.
    var isOneWay: Bool { work == .stream || work == .batch }
}

/// Where the processes run.
enum Pinning: String {
    /// All on one processor: the cost of the software, no wake-up across processors.
    case same
    /// The initiator on one, its peers on another. The library is told nothing of it: it sees the processors that a
    /// program of its own would see, and decides by them whether to spin.
    case cross
    /// Wherever the kernel puts them.
    case free

    /// The processor for a side, nil if it is free.
    func processor(for side: Side) -> Int? {
        switch (self, side) {
        case (.free, _): nil
        case (.same, _), (.cross, .initiator): 0
        case (.cross, .peer): 1
        }
    }
}

/// The two sides of a measurement.
enum Side: String {
    /// Sends first and takes the times.
    case initiator
    /// Echoes, receives or serves.
    case peer
}
