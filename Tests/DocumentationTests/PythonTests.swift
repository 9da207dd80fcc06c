import Foundation
import IPCPipes
import IPCProcess
import IPCSockets
import TestSupport
import Testing

enum Python {
    /// Whether there is one in PATH.
    static let isThere = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
        FileManager.default.isExecutableFile(atPath: "\($0)/python3")
    }

    static let script = path(of: "frames.py")

    static func path(of example: String) -> String {
        Document.root.appending(path: "Documentation/Examples/\(example)").path(percentEncoded: false)
    }
}

/// The reader and writer in Python of `Documentation/WireFormat.md` against the channels of this library.
@Suite(.watched, .enabled(if: Python.isThere, "there is no python3")) struct PythonTests {
    private func talk(
        _ incoming: some ReceiveChannel<[UInt8]>, _ outgoing: some SendChannel<[UInt8]>
    ) async throws {
        let deadline = Deadline.after(.seconds(60))
        for size in [0, 1, 5, 4096, 65_536, 1 << 20] {
            let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            async let answer = incoming.receive(until: deadline)
            try await outgoing.send(message, until: deadline)
            let received = try await answer
            #expect(received == message.reversed(), "\(size) bytes")
        }
        try await outgoing.finish(until: deadline)
        #expect(try await incoming.receive(until: deadline) == nil)
    }

    @Test func pythonSpeaksOverPipes() async throws {
        let there = try AnonymousPipe.make()
        let back = try AnonymousPipe.make()
        let python = try await ChildProcess.spawn(
            "python3", arguments: [Python.script],
            options: .init(standardInput: .endpoint(there.reader), standardOutput: .endpoint(back.writer)))
        try await talk(back.reader, there.writer)
        #expect(try await python.exitStatus() == .exited(0))
    }

    @Test func pythonSpeaksOverASocket() async throws {
        let address = try SocketAddress.unix(name: "python-\(UInt64.random(in: .min ... .max)).sock")
        try await SocketListener.withListener(at: address) { listener in
            let python = try await ChildProcess.spawn("python3", arguments: [Python.script, address.path ?? ""])
            let connection = try #require(try await listener.accept(until: .after(.seconds(60))))
            let channel = try connection.channel()
            try await talk(channel, channel)
            #expect(try await python.exitStatus() == .exited(0))
            channel.close()
        }
    }

    /// The ends come by `SWIFT_IPC_INHERITED`, the first of them with a message that was read here and not received.
    @Test func pythonTakesWhatItInherits() async throws {
        let there = try AnonymousPipe.make()
        let back = try AnonymousPipe.make()
        try await there.writer.send([9, 9])
        try await there.writer.send([1, 2, 3])
        #expect(try await there.reader.receive() == [9, 9])
        let python = try await ChildProcess.spawn(
            "python3", arguments: [Python.path(of: "inherited.py")],
            options: .init(environment: .inherit.updating(["PYTHONDONTWRITEBYTECODE": "1"])),
            transferring: [there.reader, back.writer])
        #expect(try await back.reader.receive() == [3, 2, 1])
        try await talk(back.reader, there.writer)
        #expect(try await python.exitStatus() == .exited(0))
    }

    /// A program that dies without an end is told from one that finished.
    @Test func aDeathOfPythonIsSeen() async throws {
        let there = try AnonymousPipe.make()
        let back = try AnonymousPipe.make()
        let python = try await ChildProcess.spawn(
            "python3", arguments: [Python.script],
            options: .init(standardInput: .endpoint(there.reader), standardOutput: .endpoint(back.writer)))
        try await there.writer.send([1, 2, 3])
        #expect(try await back.reader.receive() == [3, 2, 1])
        try python.send(.kill)
        await #expect {
            try await back.reader.receive()
        } throws: {
            ($0 as? IPCError)?.code == .peerClosed
        }
        try await python.exitStatus()
    }
}
