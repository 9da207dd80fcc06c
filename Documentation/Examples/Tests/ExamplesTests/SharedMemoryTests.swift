import Glibc
import IPCProcess
import Testing

@Suite(.inTurn) struct SharedMemoryTests {
    @Test func whatIsProducedIsConsumed() async throws {
        let output = try await Example.command("producer-consumer", ["3000"]).output().checked()
        let sum = (1...3000).reduce(0) { $0 + $1 * $1 }
        #expect(
            output.lines == [
                "consumed 3000 items, sum of squares \(sum)", "produced 3000 items, sum of squares \(sum)",
                "the consumer exited with 0",
            ])
        for wrong in [["x"], ["0"], ["1", "2"]] {
            #expect(try await Example.command("producer-consumer", wrong).output().status == .exited(64))
        }
    }

    // MARK: Clipboard

    private func clipboard(_ name: String, _ arguments: [String]) throws -> Command {
        Command(
            .path(try Example.path("clipboard")), arguments: arguments,
            options: ChildProcess.Options(environment: .inherit.updating(["CLIPBOARD_NAME": name])))
    }

    @Test func whatIsCopiedIsPastedAndWatched() async throws {
        let name = "clipboard-test-\(getpid())"
        let watcher = try await ChildProcess.spawn(
            .path(try Example.path("clipboard")), arguments: ["watch", "2"],
            options: .init(
                environment: .inherit.updating(["CLIPBOARD_NAME": name]), standardOutput: .pipe))
        let lines = try watcher.standardOutput
        #expect(try await lines.receive() == Array("watching\n".utf8))
        for text in ["first", "zweiter, länger"] {
            _ = try await clipboard(name, ["copy", text]).output().checked()
            #expect(try await clipboard(name, ["paste"]).output().checked().lines == [text])
            let news = try await lines.receive().map { String(decoding: $0, as: UTF8.self) } ?? ""
            #expect(news.hasSuffix("copied \(text.utf8.count) bytes: \(text)\n"), "\(news)")
        }
        #expect(try await watcher.exitStatus().isSuccess)

        // Many at once: the last one to come is whole.
        try await withThrowingTaskGroup { group in
            for number in 0..<6 {
                let copy = try clipboard(name, ["copy", String(repeating: "\(number)", count: 50_000)])
                group.addTask { _ = try await copy.output().checked() }
            }
            try await group.waitForAll()
        }
        let text = try #require(try await clipboard(name, ["paste"]).output().checked().lines.first)
        #expect(text.count == 50_000 && Set(text).count == 1)

        _ = try await clipboard(name, ["clear"]).output().checked()
        let output = try await clipboard(name, ["paste"]).output()
        #expect(output.status == .exited(1) && output.text.contains("notFound"))
    }
}
