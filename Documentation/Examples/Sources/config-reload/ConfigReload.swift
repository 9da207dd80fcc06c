import Glibc
import IPCSignals

/// `config-reload FILE`: a service that reads its configuration again when it gets SIGHUP, and ends in good order when it
/// gets SIGTERM or Control-C.
///
///     config-reload settings &
///     echo "greeting = good evening" > settings; kill -HUP $!
///     kill $!
@main struct ConfigReload {
    static func main() async {
        guard CommandLine.arguments.count == 2 else {
            print("USAGE: config-reload FILE")
            exit(64)
        }
        let service = Service(path: CommandLine.arguments[1])
        do {
            // The handler for SIGHUP is in place before anybody learns that the service runs.
            try await Signals.with(.hangUp) { reloads in
                try await withGracefulShutdown(on: .terminate, .interrupt, grace: .seconds(30)) {
                    try await service.run(reloads)
                }
            }
            say("stopped after \(await service.jobCount) jobs")
        } catch {
            print("config-reload: \(error)")
            exit(1)
        }
    }
}

/// Prints a line at once, also to a pipe or a file.
func say(_ text: String) {
    print(text)
    fflush(nil)
}

/// What the service does: a job every few milliseconds, each with the settings that are valid when it begins.
actor Service {
    private let path: String
    private var settings = Settings()
    private(set) var jobCount = 0

    init(path: String) { self.path = path }

    func run(_ reloads: SignalEvents) async throws {
        settings = try Settings(path: path)
        say("process \(getpid()) serves with greeting \"\(settings.greeting)\"")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // Several SIGHUP may arrive as one: that is right for "read it again", which happens after the last.
                for await reload in reloads { await self.reload(reload) }
            }
            group.addTask { try await self.work() }
            // The cancellation of a shutdown ends both.
            try await group.waitForAll()
        }
    }

    private func reload(_ event: SignalEvent) {
        do {
            settings = try Settings(path: path)
            say("process \(event.processID ?? 0) asked to reload: greeting is now \"\(settings.greeting)\"")
        } catch {
            // A mistake in the file is no reason to end: the service goes on with what it has.
            say("kept the settings: \(error)")
        }
    }

    private func work() async throws {
        while true {
            try await Task.sleep(for: .milliseconds(5))
            jobCount += 1
        }
    }
}
