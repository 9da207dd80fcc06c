import Glibc
import IPCWorkers

/// `word-count DIR`: lines, words and bytes of every file below DIR, counted by worker processes.
///
/// Lines and totals are those of `LC_ALL=C wc` on the same files.
@main struct WordCount {
    static func main() async throws {
        // In a worker this serves and does not return.
        try await Worker.serveIfSpawned(CountFile.self)
        do {
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            if options.isHelp { return print(Options.help) }
            exit(try await count(options) ? 0 : 1)
        } catch let error as UsageError {
            complain("\(error)")
            exit(64)
        } catch {
            complain("\(error)")
            exit(2)
        }
    }

    /// - Returns: whether every file was counted, or passed over because it is binary.
    private static func count(_ options: Options) async throws -> Bool {
        let listing = try FileListing(below: options.folder)
        var report = Report(listing)
        let tasks = listing.files.map { CountFile(path: $0) }
        let progress = WorkerProgress(total: tasks.count)
        let style = options.showsProgress ? ProgressBarStyle.linesElsewhere : .terminalOnly
        // A file that makes its worker grow without bound, or hang, is the loss of one file.
        let limits = WorkerPoolOptions(recycling: WorkerRecycling(memory: 512 << 20), memoryLimit: 1 << 30)
        try await withWorkerPool(of: options.workers, options: limits) { pool in
            try await withProgressBar(progress, unit: "files", style: style) {
                for try await outcome in pool.outcomes(of: tasks, order: .asCompleted, progress: progress) {
                    report.add(outcome.result, at: outcome.index)
                }
            }
        }
        report.write()
        return report.isComplete
    }
}

/// What the command line says.
struct Options {
    var folder = ""
    var workers = WorkerCount.coreCount
    var showsProgress = false
    var isHelp = false

    static let help = """
        USAGE: word-count [--workers N] [--progress] DIR

        Counts lines, words and bytes of every regular file below DIR, as LC_ALL=C wc does, in worker processes.
        Symbolic links are not followed. Binary files (a zero byte among the first 8,000) and files that cannot be
        read are named on standard error and left out.

          --workers N   how many processes count (default: one for each processor)
          --progress    shows progress on standard error even when that is not a terminal, a line for each step

        Exit status: 0; 1 when something could not be read; 2 when counting failed; 64 for wrong arguments.
        """

    init(_ arguments: [String]) throws(UsageError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h": isHelp = true
            case "--progress": showsProgress = true
            case "--workers":
                guard let number = rest.popFirst().flatMap(Int.init), number > 0 else {
                    throw UsageError("--workers takes a number from 1 on")
                }
                workers = .exactly(number)
            case let option where option.hasPrefix("-") && option != "-":
                throw UsageError("there is no option \(option); see word-count --help")
            default:
                guard folder.isEmpty else { throw UsageError("one folder at a time; see word-count --help") }
                folder = argument
            }
        }
        guard isHelp || !folder.isEmpty else { throw UsageError("which folder? See word-count --help") }
    }
}

struct UsageError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A line on standard error, in one write.
func complain(_ text: String) { writeAll(Array("word-count: \(text)\n".utf8), to: STDERR_FILENO) }

/// Writes everything, however often the kernel takes only a part.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 && errno != EINTR { return }
        rest = rest.dropFirst(max(0, count))
    }
}
