import Glibc
import IPCMessageQueue
import IPCProcess

/// Starts everybody, kills the first printer over its third job, and counts what comes out.
struct Spooler {
    let printers: Int
    let submitters: Int
    let jobs: Int

    var isPossible: Bool {
        (2...16).contains(printers) && (1...50).contains(submitters) && (3...1000).contains(jobs)
            && submitters * jobs <= 1000 && submitters * jobs >= 3 * printers
    }

    func run() async throws {
        let name = "print-spooler-\(getpid())"
        // Whoever makes a name removes it.
        let spool = try await Mailbox(named: name, .create)
        defer { try? Mailbox.remove(named: name) }
        let mailbox = try await Mailbox(named: "\(name)-reports", .create)
        defer { try? Mailbox.remove(named: mailbox.name) }

        try await submit(to: name)
        print("\(submitters) processes submitted \(try spool.depth) jobs, and are gone")

        let victim = try await startPrinter(1, name, jamsAt: 3)
        let reports = mailbox.messages(of: Report.self, using: .binary)
        var printed: [Report] = []
        var children: [ChildProcess] = []
        while printed.count < submitters * jobs {
            guard let report = try await reports.receive(until: .after(.seconds(60)))?.payload else { continue }
            switch report.event {
            case .printed: printed.append(report)
            case .begins where report.printer == 1 && printed.count == 2:
                // It has its third job in its hands. The others begin, and it dies.
                for number in 2...printers { children.append(try await startPrinter(number, name, jamsAt: 0)) }
                _ = try await victim.kill()
                print("printer 1 was killed over job \(report.job)")
            case .begins: break
            }
        }
        for _ in 2...printers { try await spool.send(QueueMessage(payload: [], type: Printer.theEnd)) }
        for child in children {
            guard try await child.exitStatus().isSuccess else { throw Failed("a printer failed") }
        }
        tell(printed)
    }

    private func submit(to name: String) async throws {
        var children: [ChildProcess] = []
        for number in 1...submitters {
            children.append(
                try await ChildProcess.spawn(.current, arguments: ["submit", name, "\(number)", "\(jobs)"]))
        }
        for child in children {
            guard try await child.exitStatus().isSuccess else { throw Failed("a submitter failed") }
        }
    }

    private func startPrinter(_ number: Int, _ name: String, jamsAt jam: Int) async throws -> ChildProcess {
        try await ChildProcess.spawn(.current, arguments: ["print", name, "\(number)", "\(jam)"])
    }

    private func tell(_ printed: [Report]) {
        for report in printed where report.delivery > 1 {
            print("job \(report.job) was printed by printer \(report.printer), in delivery \(report.delivery)")
        }
        let urgent = printed.filter { $0.priority == 9 }.count
        let inTime = printed.prefix(urgent).filter { $0.priority == 9 }.count
        print("of the first \(urgent) jobs printed, \(inTime) were urgent")
        for number in 1...printers {
            print("printer \(number) printed \(printed.filter { $0.printer == number }.count) jobs")
        }
        print("\(printed.count) jobs printed, \(Set(printed.map(\.job)).count) different ones")
    }

    struct Failed: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}
