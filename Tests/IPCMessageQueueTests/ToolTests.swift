import IPCMessageQueue
import IPCProcess
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

/// `ipcctl queue`, as a user and as a script start it.
@Suite(.watched) struct ToolTests {
    private func ipcctl(_ arguments: String..., input: String? = nil) async throws -> CommandOutput {
        guard let input else {
            return try await Command(.path(programFolder + "/ipcctl"), arguments: arguments).output(until: soon)
        }
        let quoted = arguments.map { "'\($0)'" }.joined(separator: " ")
        return try await Command(
            .name("sh"), arguments: ["-c", "printf '\(input)' | '\(programFolder)/ipcctl' \(quoted)"]
        ).output(until: soon)
    }

    private func check(_ name: String, label: (first: String, second: String), _ kind: String) async throws {
        let missing = try await ipcctl("queue", "receive", name, "--timeout", "0")
        #expect(missing.status == .exited(69) && missing.errorText.contains("notFound"), "\(missing)")
        #expect(try await ipcctl("queue", "send", name, "--no-create", "x").status == .exited(69))

        #expect(try await ipcctl("queue", "send", name, input: "job\\n").status.isSuccess)
        // Where no file system of queues is mounted, a queue is listed while somebody has it open.
        let held = kind == "posix" ? try POSIXMessageQueue(named: name, .open) : nil
        defer { held?.close() }
        #expect(try await ipcctl("queue", "send", name, "two words", label.first, label.second).status.isSuccess)
        #expect(try await ipcctl("queue", "send", name, "--lines", input: "a\\n\\nb\\n").status.isSuccess)
        let listed = try await ipcctl("queue", "list").checked().text.split(separator: "\n")
        #expect(listed.contains { $0.hasPrefix("\(kind) ") && $0.contains(name) && $0.contains("  5  ") }, "\(listed)")

        let all = try await ipcctl("queue", "receive", name, "--count", "5", "--timeout", "10").checked().text
        let inOrder = kind != "sysv" ? "two words\njob\na\n\nb\n" : "job\ntwo words\na\n\nb\n"
        #expect(all == inOrder)
        let late = try await ipcctl("queue", "receive", name, "--timeout", "0.02")
        #expect(late.status == .exited(75) && late.text.isEmpty)

        #expect(try await ipcctl("queue", "send", name, "seen").status.isSuccess)
        let watched = try await ipcctl("queue", "watch", name, "--count", "1", "--timeout", "10").checked().text
        #expect(watched == "priority 0, type 1, 4 bytes: seen\n")
        #expect(try await ipcctl("queue", "send", name, "--", "--raw").status.isSuccess)
        #expect(try await ipcctl("queue", "receive", name, "--raw", "--timeout", "10").checked().text == "--raw")
        #expect(try await ipcctl("queue", "remove", name).status.isSuccess)
        #expect(try await ipcctl("queue", "remove", name).status == .exited(69))
    }

    @Test func posixQueuesWorkFromTheShell() async throws {
        let name = freshName()
        defer { try? POSIXMessageQueue.remove(named: name) }
        try await check(name, label: ("--priority", "7"), "posix")
    }

    @Test func sharedQueuesWorkFromTheShell() async throws {
        let place = "ipc-test-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))"
        defer { try? SharedQueue.remove(.named(place)) }
        try await check("shm:\(place)", label: ("--priority", "7"), "shared")
    }

    @Test func mailboxesWorkFromTheShell() async throws {
        let name = freshMailboxName()
        defer { try? Mailbox.remove(named: name) }
        try await check("mailbox:\(name)", label: ("--priority", "7"), "mailbox")
    }

    @Test func broadcastsWorkFromTheShell() async throws {
        let name = freshMailboxName()
        defer { try? Mailbox.remove(named: name) }
        let address = "mailbox:\(name)"
        for text in ["a", "b", "c"] {
            let options = ["--broadcast", "--when-full", "drop-oldest"]
            let output = try await Command(
                .path(programFolder + "/ipcctl"), arguments: ["queue", "send", address, text] + options
            ).output(until: soon)
            #expect(output.status.isSuccess, "\(output.errorText)")
        }
        // It is as it was made.
        #expect(try await ipcctl("queue", "send", address, "x", "--when-full", "fail").status == .exited(1))
        #expect(try await ipcctl("queue", "send", address, "d").status.isSuccess)
        for _ in 0..<2 {
            let all = try await ipcctl("queue", "receive", address, "--count", "4", "--timeout", "10").checked().text
            #expect(all == "a\nb\nc\nd\n")
        }
        let last = try await ipcctl("queue", "watch", address, "--from", "1", "--count", "1", "--timeout", "10")
        #expect(last.text == "priority 0, type 1, 1 bytes: d\n")
        #expect(
            try await ipcctl("queue", "receive", address, "--from", "new", "--timeout", "0.02").status == .exited(75))
        let listed = try await ipcctl("queue", "list").checked().text.split(separator: "\n")
        #expect(listed.contains { $0.contains(name) && $0.contains("broadcast, full: dropOldest") }, "\(listed)")
    }

    @Test func systemVQueuesWorkFromTheShell() async throws {
        let key = try freshKey()
        defer { try? SystemVMessageQueue.remove(key) }
        try await check("sysv:\(key)", label: ("--type", "3"), "sysv")
    }

    @Test func typesSelectFromTheShell() async throws {
        try await withSystemVQueue { queue, key in
            for type in [4, 2, 3] { try await queue.send(QueueMessage("\(type)", type: type), until: soon) }
            func receive(_ type: String) async throws -> String {
                try await ipcctl("queue", "receive", "sysv:#\(queue.identifier)", "--type", type, "--timeout", "0").text
            }
            #expect(try await receive("9") == "")
            #expect(try await receive("!4") == "2\n")
            #expect(try await receive("<=4") == "3\n")
            #expect(try await receive("4") == "4\n")
        }
    }

    @Test func wrongArgumentsAreRefused() async throws {
        for arguments in [
            [], ["push"], ["send"], ["receive"], ["list", "x"], ["remove"], ["send", "jobs", "x"],
            ["send", "/a", "x", "y"],
            ["receive", "/a", "--priority", "1"], ["send", "/a", "--priority", "high", "x"],
            ["receive", "/a", "--count", "0"],
            ["receive", "/a", "--timeout", "soon"], ["send", "/a", "x", "--lines"], ["receive", "sysv:what"],
            ["receive", "/a", "--type"], ["send", "/a", "x", "--broadcast"],
            ["send", "mailbox:a", "x", "--when-full", "b"],
            ["receive", "mailbox:a", "--from", "old"], ["receive", "mailbox:a", "--broadcast"],
            ["send", "mailbox:a", "x", "--broadcast", "--no-create"],
        ] {
            let output = try await Command(
                .path(programFolder + "/ipcctl"), arguments: ["queue"] + arguments
            ).output(until: soon)
            #expect(output.status == .exited(64), "\(arguments): \(output.status) \(output.errorText)")
        }
        #expect(try await ipcctl("queue", "send", "/a/b", "x").status == .exited(1))
    }
}
