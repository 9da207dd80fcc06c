import IPCProcess
import IPCSystem
public import IPCTestKit

/// A case of the conformance suite in a process of its own.
///
/// A case counts the descriptors and children of its process, weighs its memory and raises its limits. Beside other tests,
/// which open, start and map theirs meanwhile, it would count theirs, too; alone it sees what the transport makes.
public enum OwnProcess {
    private static let variable = "IPC_CONFORMANCE_CASE"
    private static let conforms = "it conforms\n"
    private static let hidden = "mount -t tmpfs none /dev/shm && exec \"$0\""

    /// Whether this process may give others a /dev/shm of their own, so that they see no names but theirs. It takes root.
    private static let mayHideNames = Task {
        let output = try? await Command("unshare", "-m", "sh", "-c", hidden, "true").output()
        return output?.status.isSuccess ?? false
    }

    /// How a case did not end well.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs a case in the program `ipc-conformance-peer`, which must know its transport.
    ///
    /// - Parameters:
    ///   - conformance: the case. Its watchdog is in that process, too, and tells there what it was about.
    ///   - onExecutor: whether it runs on the executor of the library.
    /// - Throws: an error with what the process said.
    public static func run(_ conformance: ConformanceCase, onExecutor: Bool = false) async throws {
        var options = ChildProcess.Options()
        let place = onExecutor ? "executor" : "pool"
        let text = "\(conformance.topic.rawValue),\(place),\(conformance.transport.name)"
        options.environment = .inherit.updating([variable: text])
        let command =
            await mayHideNames.value
            ? Command("unshare", arguments: ["-m", "sh", "-c", hidden, PeerProgram.path], options: options)
            : Command(.path(PeerProgram.path), options: options)
        let output = try await command.output()
        // A program that was not asked ends with 0, too.
        guard output.status.isSuccess, output.text == conforms else {
            throw Failure(
                description: "\(conformance): the process \(output.status): \(output.errorText)\(output.text)")
        }
    }

    /// In that program: runs the case that was asked for and ends the process. Returns at once if none was.
    public static func runIfAsked() async {
        guard let text = TestingCalls.startVariable(variable) else { return }
        let parts = text.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        do {
            guard parts.count == 3, let transport = ConformanceTransport.all.first(where: { $0.name == parts[2] }),
                let conformance = ConformanceSuite.cases(for: transport).first(where: { $0.topic.rawValue == parts[0] })
            else { throw Failure(description: "there is no such case: \(text)") }
            defer { SystemVLeftovers.shared.removeAll() }
            if parts[1] == "executor" {
                try await withIPCExecutor { try await conformance.run() }
            } else {
                try await conformance.run()
            }
        } catch {
            TestingCalls.report("\(error)\n")
            return ProcessExit.leave(1)
        }
        print(conforms, terminator: "")
        ProcessExit.leave(0)
    }
}
