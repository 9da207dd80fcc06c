import IPCMessageQueue

/// One who prints, until he is told that there is no more.
///
/// He has each job under a *lease*: it stays the mailbox's until the body returns. A printer that is killed over a job has
/// not printed it, and the job is given to another one, counted as delivered for the second time.
struct Printer {
    /// The type of the message that says that there is no more.
    static let theEnd = 2

    let mailbox: String
    let number: Int
    /// The job over which the paper jams, counted from 1; 0: none.
    let jam: Int

    init(_ arguments: [String]) throws {
        guard arguments.count == 4, let number = Int(arguments[2]), let jam = Int(arguments[3]) else {
            throw Submitter.Usage()
        }
        (mailbox, self.number, self.jam) = (arguments[1], number, jam)
    }

    func run() async throws {
        let spool = try await Mailbox(named: mailbox, .open)
        let reports = try await Mailbox(named: "\(mailbox)-reports", .open)
        var count = 0
        var goesOn = true
        while goesOn {
            goesOn = try await spool.withLease { message in
                if message.label.type == Self.theEnd { return false }
                count += 1
                try await print(message, isJammed: count == jam, reports)
                return true
            }
        }
    }

    private func print(_ message: LeasedMessage, isJammed: Bool, _ reports: Mailbox) async throws {
        let job = try message.decoded(as: Job.self, using: .binary)
        var report = Report(
            event: .begins, printer: number, job: job.name, priority: message.label.priority,
            delivery: message.deliveryCount)
        let channel = reports.messages(of: Report.self, using: .binary)
        try await channel.send(QueueMessage(payload: report))
        // A real one would do its work here. Whoever is killed from here on has printed nothing.
        try await Task.sleep(for: isJammed ? .seconds(600) : .milliseconds(job.pages))
        report.event = .printed
        try await channel.send(QueueMessage(payload: report))
    }
}
