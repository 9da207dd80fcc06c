import Glibc
import IPCMessageQueue
import IPCProcess

/// `print-spooler`: many submit jobs, several printers print them, and one printer is killed over a job.
///
///     print-spooler [PRINTERS [SUBMITTERS [JOBS]]]    3 printers, 4 submitters with 20 jobs each, unless told otherwise
///
/// The guide is `Documentation/MessageQueues.md`.
@main struct PrintSpooler {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            switch arguments.first {
            case "submit": try await Submitter(arguments).run()
            case "print": try await Printer(arguments).run()
            default:
                let numbers = arguments.compactMap { Int($0) }
                let spooler = Spooler(
                    printers: numbers.first ?? 3, submitters: numbers.count > 1 ? numbers[1] : 4,
                    jobs: numbers.count > 2 ? numbers[2] : 20)
                guard numbers.count == arguments.count, numbers.count <= 3, spooler.isPossible else {
                    print(
                        "USAGE: print-spooler [PRINTERS [SUBMITTERS [JOBS]]]: 2 to 16 printers, at most 1,000 jobs in all"
                    )
                    exit(64)
                }
                try await spooler.run()
            }
        } catch {
            print("print-spooler: \(error)")
            exit(1)
        }
    }
}

/// A job as it lies in the mailbox.
struct Job: Codable, Sendable {
    var submitter: Int
    var number: Int
    var pages: Int

    var name: String { "\(submitter)-\(number)" }
}

/// What a printer says.
struct Report: Codable, Sendable {
    enum Event: String, Codable { case begins, printed }

    var event: Event
    var printer: Int
    var job: String
    var priority: Int
    var delivery: Int
}

/// One who submits: urgent jobs (priority 9) among ordinary ones, and is gone before anybody prints.
struct Submitter {
    let mailbox: String
    let number: Int
    let jobs: Int

    init(_ arguments: [String]) throws {
        guard arguments.count == 4, let number = Int(arguments[2]), let jobs = Int(arguments[3]) else { throw Usage() }
        (mailbox, self.number, self.jobs) = (arguments[1], number, jobs)
    }

    func run() async throws {
        let spool = try await Mailbox(named: mailbox, .open).messages(of: Job.self, using: .binary)
        for index in 1...jobs {
            let job = Job(submitter: number, number: index, pages: 1 + index % 3)
            try await spool.send(QueueMessage(payload: job, priority: index % 5 == 0 ? 9 : 1))
        }
    }

    struct Usage: Error {}
}
