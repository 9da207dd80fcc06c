/// What one process of a measurement has to do; it travels as that process's arguments.
struct ProcessAssignment: Equatable {
    /// The first argument of a process that measures.
    static let flag = "--process"

    var job: Job
    var side: Side
    var pinning: Pinning
    /// How long to measure.
    var nanoseconds: UInt64
    /// How many descriptors come over the control.
    var descriptorCount: Int
    /// Where the listener is, for work that has one.
    var path: String
    /// The process that waits for the report.
    var parent: Int32

    /// The arguments behind the program's name.
    var arguments: [String] {
        [
            Self.flag, side.rawValue, job.work.rawValue, job.transport.rawValue, job.by.rawValue, job.executor.rawValue,
            String(job.bytes), String(job.channels), pinning.rawValue, String(nanoseconds),
            String(descriptorCount), path, String(parent),
        ]
    }

    /// The assignment that `arguments`, without the program's name, state; nil if they state none.
    init?(arguments: [String]) {
        guard arguments.count == 13, arguments[0] == Self.flag,
            let side = Side(rawValue: arguments[1]),
            let work = Job.Work(rawValue: arguments[2]),
            let transport = Job.Transport(rawValue: arguments[3]),
            let by = Job.Implementation(rawValue: arguments[4]),
            let executor = Job.Executor(rawValue: arguments[5]),
            let bytes = Int(arguments[6]), let channels = Int(arguments[7]),
            let pinning = Pinning(rawValue: arguments[8]),
            let nanoseconds = UInt64(arguments[9]), let descriptorCount = Int(arguments[10]),
            let parent = Int32(arguments[12])
        else { return nil }
        job = Job(work: work, transport: transport, by: by, executor: executor, bytes: bytes, channels: channels)
        self.side = side
        self.pinning = pinning
        self.nanoseconds = nanoseconds
        self.descriptorCount = descriptorCount
        path = arguments[11]
        self.parent = parent
    }

    init(
        job: Job, side: Side, pinning: Pinning, nanoseconds: UInt64, descriptorCount: Int, path: String, parent: Int32
    ) {
        self.job = job
        self.side = side
        self.pinning = pinning
        self.nanoseconds = nanoseconds
        self.descriptorCount = descriptorCount
        self.path = path
        self.parent = parent
    }
}
