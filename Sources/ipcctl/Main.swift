import IPCMessageQueue
import IPCSystem
import IPCWorkers

/// `ipcctl`: shows what this library does on the machine at hand.
@main
enum Main {
    static func main() async {
        do {
            // In a worker of the pool this serves and does not return.
            try await Worker.serveIfSpawned(TourTask.self, TourWorkerTask.self)
            switch try Request(Array(CommandLine.arguments.dropFirst())) {
            case .help: print(Help.text)
            case .version: print("ipcctl \(Help.version)")
            case .tour(let options): ProcessExit.leave(await Tour(options).run() ? 0 : 1)
            case .list(let prefix): try RegionList.show(namesBeginningWith: prefix)
            case .clean(let options):
                try RegionList.clean(namesBeginningWith: options.prefix, isDryRun: options.isDryRun)
            case .locks(let options):
                let isWell = try LockList.show(options.name)
                ProcessExit.leave(options.isCheck && !isWell ? 2 : 0)
            case .queue(let request): try await queue(request)
            case .top(let options): ProcessExit.leave(try await ServerTop(options).run())
            case .peer(let name, let arguments): try await Tour.serve(name, arguments)
            }
            ProcessExit.leave(0)
        } catch let error as UsageError {
            Console.complain("ipcctl: \(error.description)\nSee ipcctl --help.")
            // EX_USAGE of sysexits(3).
            ProcessExit.leave(64)
        } catch {
            Console.complain("ipcctl: \(error)")
            ProcessExit.leave(1)
        }
    }

    private static func queue(_ request: QueueRequest) async throws {
        do {
            try await QueueCommand(request: request).run()
        } catch let error as IPCError {
            Console.complain("ipcctl: \(error)")
            ProcessExit.leave(QueueCommand.exitStatus(of: error))
        }
    }
}
