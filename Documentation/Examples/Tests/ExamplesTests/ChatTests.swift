import Glibc
import IPCProcess
import IPCSockets
import Testing

/// `chat`: what clients and an administrator do with it.
@Suite(.inTurn) struct ChatTests {
    @Test func chatHearsEverybodyAndCloses() async throws {
        let output = try await Example.command("chat").output().checked()
        #expect(output.lines.first?.hasPrefix("listening at tcp:127.0.0.1:") == true)
        for name in ["Ada", "Grace", "Edsger"] {
            #expect(output.lines.contains("\(name) heard 1 of the lines that it said"), "\(output.text)")
        }
        #expect(output.lines.last == "closed")
    }

    /// The same program at a Unix socket, where its input ends the server.
    @Test func chatEndsWithItsInput() async throws {
        try await withTemporaryFolder { folder in
            let output = try await Example.command("chat", ["serve", "unix:\(folder)/s"]).output(input: []).checked()
            #expect(output.lines == ["listening at unix:\(folder)/s", "closed"])
            let wrong = try await Example.command("chat", ["serve", "http://localhost"]).output()
            #expect(wrong.status == .exited(1) && wrong.text.contains("invalidName"))
        }
    }

    /// Runs a server at a Unix socket, whose input does not end.
    private func withServer(_ body: (ChildProcess, PipeLines.AsyncIterator, SocketAddress) async throws -> Void)
        async throws
    {
        try await withTemporaryFolder { folder in
            let address = try SocketAddress.unix(path: "\(folder)/s")
            let options = ChildProcess.Options(standardInput: .pipe, standardOutput: .pipe)
            try await withChildProcess(
                .path(try Example.path("chat")), arguments: ["serve", "\(address)"], options: options
            ) { child in
                var lines = try child.standardOutput.lines.makeAsyncIterator()
                #expect(try await lines.next() == "listening at \(address)")
                try await body(child, lines, address)
            }
            #expect(access("\(folder)/s", F_OK) == -1 && access("\(folder)/s.lock", F_OK) == -1, "names are left")
        }
    }

    private func join(_ address: SocketAddress, as name: String) async throws -> SocketChannel {
        let channel = try await SocketChannel.connect(to: address)
        try await channel.send(Array(name.utf8))
        return channel
    }

    private func hear(_ channel: SocketChannel) async throws -> String? {
        try await channel.receive(until: .after(.seconds(60))).map { String(decoding: $0, as: UTF8.self) }
    }

    /// SIGTERM ends it as the end of its input does: everybody hears it, and no name is left.
    @Test(arguments: [Signal.terminate, .interrupt]) func chatEndsInGoodOrder(_ signal: Signal) async throws {
        try await withServer { child, given, address in
            var lines = given
            let ada = try await join(address, as: "Ada")
            #expect(try await hear(ada) == "Ada is here")
            let grace = try await join(address, as: "Grace")
            for channel in [ada, grace] { #expect(try await hear(channel) == "Grace is here") }
            try child.send(signal)
            for channel in [ada, grace] {
                #expect(try await hear(channel) == "the room closes")
                #expect(try await hear(channel) == nil)
            }
            #expect(try await lines.next() == "closed")
            #expect(try await child.exitStatus(until: .after(.seconds(60))) == .exited(0))
        }
    }

    /// What one says at too great a length is his own affair.
    @Test func longLinesShowNobodyElseOut() async throws {
        try await withServer { child, _, address in
            let ada = try await join(address, as: "Ada")
            #expect(try await hear(ada) == "Ada is here")
            let long = try await join(address, as: String(repeating: "n", count: 4090))
            await #expect(throws: IPCError.self) { try await hear(long) }
            let grace = try await join(address, as: "Grace")
            for channel in [ada, grace] { #expect(try await hear(channel) == "Grace is here") }
            // As long as may be, and of bytes that are no text, each of which becomes three.
            try await grace.send([UInt8](repeating: 0xff, count: 2000))
            for channel in [ada, grace] {
                #expect(try await hear(channel) == "Grace: " + String(repeating: "\u{fffd}", count: 2000))
            }
            try await grace.send([UInt8](repeating: UInt8(ascii: "x"), count: 4094))
            await #expect(throws: IPCError.self) { while try await hear(grace) != nil {} }
            #expect(try await hear(ada) == "Grace has left")
            try await ada.send(Array("still here".utf8))
            #expect(try await hear(ada) == "Ada: still here")
            try await ada.finish()
            try child.send(.terminate)
            #expect(try await child.exitStatus(until: .after(.seconds(60))) == .exited(0))
        }
    }
}
