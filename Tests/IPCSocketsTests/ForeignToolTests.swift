import IPCProcess
import IPCSockets
import IPCSystem
import TestSupport
import Testing

private func has(_ program: String) -> Bool {
    ["/usr/bin/", "/bin/"].contains { (try? FileCalls.status(at: $0 + program)) != nil }
}

/// Tools that everybody has at hand, where they are.
@Suite(.watched) struct ForeignToolTests {
    /// Sends what it reads back in capitals until the other side ends, then ends, too.
    private func serve(_ listener: SocketListener) async throws {
        let connection = try #require(try await listener.accept())
        while let bytes = try await connection.read() {
            try await connection.write(bytes.map { (97...122).contains($0) ? $0 - 32 : $0 })
        }
        try await connection.finishWriting()
        connection.close()
    }

    private func expectEcho(at address: SocketAddress, _ command: (SocketAddress) -> Command) async throws {
        let listener = try SocketListener(at: address)
        let serving = Task { try await serve(listener) }
        let output = try await command(listener.address).output(
            input: Array("half a close\n".utf8), until: .after(.seconds(60)))
        #expect(output.text == "HALF A CLOSE\n", "\(output.errorText)")
        try await serving.value
        listener.close()
    }

    @Test(.enabled(if: has("socat"), "needs socat")) func socat() async throws {
        try await withFolder { folder in
            try await expectEcho(at: .unix(path: folder + "/s")) {
                Command("socat", "-t", "60", "-", "UNIX-CONNECT:\($0.path ?? "")")
            }
        }
        try await expectEcho(at: .tcp(port: 0)) { Command("socat", "-t", "60", "-", "TCP:127.0.0.1:\($0.port ?? 0)") }
    }

    /// The foreign program serves, and sees the end of what this side sends before it ends its own.
    private func expectAnswer(at address: SocketAddress, of server: Command) async throws {
        async let output = server.output(input: Array("from the server\n".utf8), until: .after(.seconds(60)))
        let connection = try await SocketConnection.connect(
            to: address, retry: .untilDeadline, until: .after(.seconds(60)))
        try await connection.write(Array("from the client\n".utf8))
        try await connection.finishWriting()
        var answer: [UInt8] = []
        while let bytes = try await connection.read(until: .after(.seconds(60))) { answer += bytes }
        connection.close()
        #expect(String(decoding: answer, as: UTF8.self) == "from the server\n")
        #expect(try await output.text == "from the client\n")
    }

    @Test(.enabled(if: has("socat"), "needs socat")) func socatServes() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            try await expectAnswer(at: .unix(path: path), of: Command("socat", "-t", "60", "-", "UNIX-LISTEN:\(path)"))
        }
    }

    @Test(.enabled(if: has("nc"), "needs nc")) func netcatServes() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            try await expectAnswer(at: .unix(path: path), of: Command("nc", "-N", "-l", "-U", path))
            // It leaves its socket behind.
            try FileCalls.unlink(path)
        }
    }

    @Test(.enabled(if: has("nc"), "needs nc")) func netcat() async throws {
        try await withFolder { folder in
            try await expectEcho(at: .unix(path: folder + "/s")) { Command("nc", "-N", "-U", $0.path ?? "") }
        }
        try await expectEcho(at: .tcp(port: 0)) { Command("nc", "-N", "127.0.0.1", "\($0.port ?? 0)") }
    }

    @Test(.enabled(if: hasPython, "needs /usr/bin/python3"), arguments: ["127.0.0.1", "::1"])
    func pythonOverTCP(_ host: String) async throws {
        if host == "::1" && !hasIPv6 { return }
        try await expectEcho(at: .tcp(host: host, port: 0)) {
            Command(
                "/usr/bin/python3", "-c",
                """
                import socket, sys
                s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
                s.sendall(sys.stdin.buffer.read())
                s.shutdown(socket.SHUT_WR)
                while piece := s.recv(100): sys.stdout.buffer.write(piece)
                """, host, "\($0.port ?? 0)")
        }
    }
}
