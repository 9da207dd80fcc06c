import IPCMessageQueue
import IPCProcess
import IPCSharedMemory
import IPCSystem
import Testing

func freshMailboxName() -> String { "ipc-test-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))" }

/// A mailbox of its own for `body`, removed afterwards.
func withMailbox<Result>(
    _ options: MailboxOptions = MailboxOptions(), _ body: (Mailbox, String) async throws -> Result
) async throws -> Result {
    let name = freshMailboxName()
    let mailbox = try await Mailbox(named: name, .create, options: options, until: soon)
    defer {
        mailbox.close()
        try? Mailbox.remove(named: name)
    }
    return try await body(mailbox, name)
}

extension MailboxOptions {
    /// A broadcast of few and small messages.
    static func smallBroadcast(_ whenFull: MailboxOverflow = .suspend, messages: Int = 4) -> MailboxOptions {
        MailboxOptions(
            delivery: .broadcast, whenFull: whenFull, capacity: .bounded(messages: messages), maximumMessageSize: 200)
    }

    /// Work to share, of few and small messages.
    static func smallWork(_ whenFull: MailboxOverflow) -> MailboxOptions {
        MailboxOptions(whenFull: whenFull, capacity: .bounded(messages: 4), maximumMessageSize: 200)
    }
}

extension Mailbox {
    /// What this object can receive now.
    func receiveAll() async throws -> [String] {
        var texts: [String] = []
        while let message = try tryReceive(.any) { texts.append(message.text) }
        return texts
    }
}

/// The names that replies came to, of whatever process.
func replyPlaces() throws -> Set<String> {
    Set(try SharedMemory.list().map(\.name).filter { $0.hasPrefix("ipc-reply-") })
}

/// A child that runs a scenario, killed at the end of `body` at the latest.
func withScenario<Result>(
    _ arguments: [String], killPoint: String? = nil, _ body: (ChildProcess) async throws -> Result
) async throws -> Result {
    var options = ChildProcess.Options(standardOutput: .pipe)
    if let killPoint { options.environment = .inherit.updating(["IPC_KILL_POINT": killPoint]) }
    let child = try await ChildProcess.spawn(.path(helperPath), arguments: arguments, options: options)
    do {
        let result = try await body(child)
        _ = try? await child.kill()
        return result
    } catch {
        _ = try? await child.kill()
        throw error
    }
}
