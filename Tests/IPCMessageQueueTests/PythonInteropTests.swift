import IPCMessageQueue
import IPCPipes
import IPCProcess
import IPCSystem
import TestSupport
import Testing

/// The modules `posix_ipc` and `sysv_ipc` of PyPI, which others use to reach the same queues.
enum PythonQueues {
    /// Where `.ci/run` puts them; whoever has them in PYTHONPATH or installed needs nothing there.
    private static let folder: String = {
        let build = programFolder.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        return build.joined(separator: "/") + "/python"
    }()

    private static func arguments(_ program: String) -> [String] {
        // What is in PYTHONPATH comes first.
        ["-B", "-c", "import sys, time\nsys.path.append('\(folder)')\nimport posix_ipc, sysv_ipc\n" + program]
    }

    private static func output(_ program: String) async throws -> CommandOutput {
        try await Command(.name("python3"), arguments: arguments(program)).output(until: soon)
    }

    static func areThere() async -> Bool {
        guard let output = try? await output("") else { return false }
        return output.status.isSuccess
    }

    /// Runs a program to its end: what it said.
    static func run(_ program: String) async throws -> [String] {
        let output = try await output(program)
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
        return output.lines
    }

    /// Runs it while `body` runs, which gets what it says line by line.
    static func whileRunning(_ program: String, _ body: (PipeReader) async throws -> Void) async throws {
        let child = try await ChildProcess.spawn(
            .name("python3"), arguments: arguments(program), options: ChildProcess.Options(standardOutput: .pipe))
        do {
            try await body(try child.standardOutput)
        } catch {
            _ = try? await child.kill()
            throw error
        }
        #expect(try await child.exitStatus(until: soon).isSuccess)
    }
}

/// Real interop: Python on one side, this library on the other, in both directions.
@Suite(
    .watched,
    .enabled("python3 with posix_ipc and sysv_ipc is missing (pip install posix_ipc sysv_ipc)") {
        await PythonQueues.areThere()
    })
struct PythonInteropTests {
    @Test func systemVTypesAreSelectedInBothDirections() async throws {
        try await withSystemVQueue { queue, key in
            let open = "q = sysv_ipc.MessageQueue(\(key.rawValue))\n"
            _ = try await PythonQueues.run(
                open
                    + """
                    for number in (1, 3, 2):
                        q.send(b"python %d" % number, type=number)
                    q.send(b"\\0mid\\0dle\\0", type=4)
                    q.send(b"", type=5)
                    """)
            #expect(try queue.depth == 5)
            let third = try await queue.receive(.only(3), until: soon)
            #expect(third.text == "python 3" && third.type == 3)
            #expect(try await queue.receive(.lowest(upTo: 2), until: soon).text == "python 1")
            #expect(try await queue.receive(.anyExcept(4), until: soon).text == "python 2")
            #expect(try await queue.receive(.any, until: soon).payload == Array("\0mid\0dle\0".utf8))
            let empty = try await queue.receive(.any, until: soon)
            #expect(empty.payload.isEmpty && empty.type == 5)

            for type in [1, 3, 2] { try await queue.send(QueueMessage("swift \(type)", type: type)) }
            try await queue.send(QueueMessage(payload: Array("\0mid\0dle\0".utf8), type: 4))
            try await queue.send(QueueMessage(payload: [], type: 5))
            let seen = try await PythonQueues.run(
                open
                    + """
                    print(q.receive(type=3))
                    print(q.receive(type=-2))
                    print(q.receive(type=-2))
                    print(q.receive())
                    print(q.receive())
                    try:
                        q.receive(block=False)
                    except sysv_ipc.BusyError:
                        print("empty")
                    """)
            #expect(
                seen == [
                    "(b'swift 3', 3)", "(b'swift 1', 1)", "(b'swift 2', 2)", "(b'\\x00mid\\x00dle\\x00', 4)",
                    "(b'', 5)", "empty",
                ])
        }
    }

    @Test func posixPrioritiesHoldInBothDirections() async throws {
        try await withPOSIXQueue { queue, name in
            let open = "q = posix_ipc.MessageQueue('\(name)')\n"
            _ = try await PythonQueues.run(
                open
                    + """
                    for text, priority in ((b"low", 0), (b"high", 31), (b"middle", 5), (b"high too", 31)):
                        q.send(text, priority=priority)
                    q.send(b"\\0\\0", priority=1)
                    q.send(b"", priority=2)
                    """)
            var found: [String] = []
            while let message = try queue.tryReceive(.any) {
                found.append("\(message.priority) \(message.payload.count) \(message.text)")
            }
            #expect(found == ["31 4 high", "31 8 high too", "5 6 middle", "2 0 ", "1 2 \0\0", "0 3 low"])

            for (text, priority) in [("low", 0), ("high", 32767), ("middle", 5), ("", 2), ("\0a\0", 1)] {
                try await queue.send(QueueMessage(text, priority: priority))
            }
            let seen = try await PythonQueues.run(open + "for _ in range(5): print(q.receive(5))\n")
            #expect(
                seen == [
                    "(b'high', 32767)", "(b'middle', 5)", "(b'', 2)", "(b'\\x00a\\x00', 1)", "(b'low', 0)",
                ])
        }
    }

    @Test func fullQueuesAreFullForBoth() async throws {
        try await withPOSIXQueue(POSIXQueueOptions(capacity: 3, maximumMessageSize: 64)) { queue, name in
            let fill = """
                q = posix_ipc.MessageQueue('\(name)')
                count = 0
                try:
                    while True:
                        q.send(b"x", 0)
                        count += 1
                except posix_ipc.BusyError:
                    print(count)
                """
            #expect(try await PythonQueues.run(fill) == ["3"])
            #expect(try !queue.trySend(QueueMessage("x")))
            #expect(
                await failure { try await queue.send(QueueMessage("x"), until: .after(.milliseconds(10))) }?.code
                    == .timedOut)
            while try queue.tryReceive(.any) != nil {}
            while try queue.trySend(QueueMessage("x")) {}
            #expect(try await PythonQueues.run(fill) == ["0"])
            // It waits for room, which Python makes.
            async let sent: Void = queue.send(QueueMessage("last"), until: soon)
            let taken = "q = posix_ipc.MessageQueue('\(name)')\nfor _ in range(4): print(q.receive(30))\n"
            #expect(try await PythonQueues.run(taken).last == "(b'last', 0)")
            try await sent
        }
        try await withSystemVQueue(SystemVQueueOptions(byteLimit: 100)) { queue, key in
            let fill = """
                q = sysv_ipc.MessageQueue(\(key.rawValue))
                count = 0
                try:
                    while True:
                        q.send(b"0123456789", block=False)
                        count += 1
                except sysv_ipc.BusyError:
                    print(count)
                """
            #expect(try await PythonQueues.run(fill) == ["10"])
            #expect(try !queue.trySend(QueueMessage("0123456789")))
            while try queue.tryReceive(.any) != nil {}
            while try queue.trySend(QueueMessage("0123456789")) {}
            #expect(try await PythonQueues.run(fill) == ["0"])
            async let sent: Void = queue.send(QueueMessage("last", type: 9), until: soon)
            let taken = "q = sysv_ipc.MessageQueue(\(key.rawValue))\nfor _ in range(11): print(q.receive())\n"
            #expect(try await PythonQueues.run(taken).last == "(b'last', 9)")
            try await sent
        }
    }

    @Test func removalEndsTheWaitOfTheOther() async throws {
        try await withSystemVQueue { queue, key in
            let waiting = Task { try await queue.receive(.any, until: soon) }
            try await Task.sleep(for: .milliseconds(20))
            _ = try await PythonQueues.run("sysv_ipc.MessageQueue(\(key.rawValue)).remove()")
            #expect(await failure { try await waiting.value }?.code == .removed)
        }
        try await withSystemVQueue { queue, key in
            let program = """
                q = sysv_ipc.MessageQueue(\(key.rawValue))
                print("waits", flush=True)
                try:
                    q.receive()
                except sysv_ipc.ExistentialError:
                    print("removed", flush=True)
                """
            try await PythonQueues.whileRunning(program) { output in
                #expect(try await output.readLine(until: soon) == "waits")
                try await Task.sleep(for: .milliseconds(20))
                try queue.remove()
                #expect(try await output.readLine(until: soon) == "removed")
            }
        }
    }

    /// The name of a POSIX queue goes; whoever has it open goes on.
    @Test func aPOSIXQueueOutlivesItsName() async throws {
        try await withPOSIXQueue { queue, name in
            let waiting = Task { try await queue.receive(.any, until: soon) }
            let program = """
                q = posix_ipc.MessageQueue('\(name)')
                q.unlink()
                q.send(b"after", priority=3)
                while q.current_messages > 0:
                    time.sleep(0.005)
                print("taken", flush=True)
                print(q.receive(30), flush=True)
                """
            try await PythonQueues.whileRunning(program) { output in
                #expect(try await output.readLine(until: soon) == "taken")
                let found = try await waiting.value
                #expect(found.text == "after" && found.priority == 3)
                #expect(await failure { try POSIXMessageQueue(named: name, .open) }?.code == .notFound)
                try await queue.send(QueueMessage("back", priority: 1))
                #expect(try await output.readLine(until: soon) == "(b'back', 1)")
            }
        }
    }
}
