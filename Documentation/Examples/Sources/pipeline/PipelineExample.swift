import Glibc
import IPCProcess

/// `pipeline FILE`: the ten most frequent words of a file, by programs that know nothing of each other, and what a shell
/// does with dup2: both outputs of a program into one file.
@main struct PipelineExample {
    static func main() async {
        guard CommandLine.arguments.count == 2, CommandLine.arguments[1] != "--help" else {
            print("USAGE: pipeline FILE")
            exit(CommandLine.arguments.contains("--help") ? 0 : 64)
        }
        do {
            try await showFrequentWords(of: CommandLine.arguments[1])
            try await showRedirection()
        } catch {
            print("pipeline: \(error)")
            exit(1)
        }
    }

    /// tr … < FILE | sort | uniq -c | sort -rn | head -10
    private static func showFrequentWords(of file: String) async throws(IPCError) {
        let environment = ProcessEnvironment.inherit.updating(["LC_ALL": "C"])
        let words = Command(
            "tr", "-cs", "A-Za-z", "\\n", options: .init(environment: environment, standardInput: .file(file)))
        let sorted = Command("sort", options: .init(environment: environment))
        let ranked = Command("sort", "-rn", options: .init(environment: environment))
        let output = try await (words | sorted | Command("uniq", "-c") | ranked | Command("head", "-10"))
            .output(until: .after(.seconds(60))).checked()
        for line in output.lines { print(line) }
        print("stages: \(output.statuses.map(\.description).joined(separator: ", "))")
    }

    /// sh -c '…' > FILE 2>&1
    private static func showRedirection() async throws(IPCError) {
        let file = "/tmp/pipeline-example-\(getpid())"
        defer { unlink(file) }
        let command = Command(
            "sh", "-c", "echo to standard output; echo to standard error >&2; exit 3",
            options: .init(standardOutput: .file(file), standardError: .standardOutput))
        let status = try await command.run()
        let content = try await Command("cat", file).output().checked()
        print("redirected: \(content.lines.joined(separator: " + ")), the program \(status)")
    }
}
