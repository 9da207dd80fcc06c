import IPCProcess

/// One mechanism of the tour. To add one: a file in `Stops`, and its line in `Tour.stops`.
protocol TourStop: Sendable {
    /// What it is called in the table.
    var mechanism: String { get }

    /// Does everything in the first process. Every wait in it ends by `deadline`.
    func visit(until deadline: Deadline) async throws -> TourResult

    /// The second process, started by `Tour.startPeer`. It lives until the first one ends it.
    func serve(_ arguments: [String]) async throws
}

/// Goes from mechanism to mechanism and prints the table.
struct Tour {
    /// In the order of the table.
    static let stops: [any TourStop] = [
        AnonymousPipeStop(),
        NamedPipeStop(),
        SocketPairStop(),
        UnixSocketStop(),
        TCPStop(),
        PacketStop(),
        DatagramStop(),
        DescriptorPassingStop(),
        RegionStop(),
        RingStop(),
        StandardStreamsStop(),
        BlackboardStop(),
        BroadcastStop(),
        MutexStop(),
        SemaphoreStop(),
        ConditionStop(),
        BarrierStop(),
        ElectionStop(),
        POSIXQueueStop(),
        SystemVQueueStop(),
        SharedQueueStop(),
        MailboxStop(),
        SignalStop(),
        WorkerPoolStop(),
        CallStop(),
        ActorStop(),
    ]

    /// How long one stop may take. Nothing takes that long; it turns a hang into a row that failed.
    static let patience = Duration.seconds(30)

    /// The command that starts a second process.
    static let peerCommand = "tour-peer"

    let options: TourOptions

    init(_ options: TourOptions) { self.options = options }

    /// - Returns: whether every row passed.
    func run() async -> Bool {
        let chosen = Self.stops.filter { options.only.map($0.mechanism.contains) ?? true }
        if options.isList {
            for stop in chosen { print(stop.mechanism) }
            return true
        }
        print(TourTable.header)
        var isWhole = true
        for stop in chosen {
            do {
                let result = try await stop.visit(until: .after(Self.patience))
                print(TourTable.row(stop.mechanism, result))
            } catch {
                isWhole = false
                print(TourTable.row(stop.mechanism, failure: "\(error)"))
            }
        }
        return isWhole
    }

    /// Starts a second process of this program for a stop.
    static func startPeer(
        of stop: some TourStop, arguments: [String] = [], options: ChildProcess.Options = ChildProcess.Options(),
        transferring endpoints: [any DescriptorTransferable] = []
    ) async throws(IPCError) -> ChildProcess {
        try await ChildProcess.spawn(
            .current, arguments: [peerCommand, stop.mechanism] + arguments, options: options, transferring: endpoints)
    }

    /// What the second process does.
    static func serve(_ name: String, _ arguments: [String]) async throws {
        guard let stop = stops.first(where: { $0.mechanism == name }) else {
            throw UsageError("\(peerCommand) is for the tour itself")
        }
        try await stop.serve(arguments)
    }
}
