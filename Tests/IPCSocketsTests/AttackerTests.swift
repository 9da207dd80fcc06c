import IPCProcess
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Another user in a folder where everybody may write, and one who is let through to the socket's file.
@Suite(.watched, .enabled(if: canBecomeNobody, "needs root and setpriv")) struct AttackerTests {
    @Test(
        arguments: [
            ("import os,sys; os.symlink('/etc/passwd', sys.argv[1])", IPCError.Code.permissionDenied),
            ("import os,sys; os.mkfifo(sys.argv[1])", .alreadyExists),
            ("import os,sys; open(sys.argv[1], 'w')", .alreadyExists),
            ("import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", .permissionDenied),
        ])
    func whoTookTheNameFirstIsRefused(_ program: String, _ code: IPCError.Code) async throws {
        try await withFolder(permissions: 0o1777) { folder in
            let path = folder + "/s"
            #expect(try await asNobody(program, path).status.isSuccess)
            let before = try FileCalls.status(at: path)
            let error = await failure { () async throws(IPCError) in try SocketListener(at: .unix(path: path)) }
            #expect(error?.code == code)
            #expect(error?.object == path)
            #expect(try FileCalls.status(at: path) == before)
            try FileCalls.unlink(path)
        }
    }

    @Test(
        arguments: [
            "import os,sys; os.symlink('/etc/passwd', sys.argv[1])", "import os,sys; os.mkfifo(sys.argv[1])",
            "import os,sys; open(sys.argv[1], 'w')", "import os,sys; os.mkdir(sys.argv[1])",
            "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])",
        ])
    func whoTookTheLockFirstIsRefused(_ program: String) async throws {
        try await withFolder(permissions: 0o1777) { folder in
            let path = folder + "/s"
            #expect(try await asNobody(program, path + ".lock").status.isSuccess)
            let error = await failure { () async throws(IPCError) in try SocketListener(at: .unix(path: path)) }
            #expect(error?.code == .permissionDenied || error?.code == .alreadyExists)
            #expect(error?.object == path + ".lock")
            #expect((try? FileCalls.status(at: path)) == nil)
            _ = try await Command("rm", "-rf", path + ".lock").run()
        }
    }

    @Test func ownerOnlyKeepsOthersOut() async throws {
        try await withFolder(permissions: 0o755) { folder in
            try await SocketListener.withListener(at: .unix(path: folder + "/s")) { _ in
                let output = try await asNobody(
                    """
                    import socket, sys
                    try:
                        socket.socket(socket.AF_UNIX).connect(sys.argv[1]); print("connected")
                    except PermissionError:
                        print("refused")
                    """, folder + "/s")
                #expect(output.text == "refused\n")
            }
        }
    }

    @Test func authorisationComesBeforeTheFirstByte() async throws {
        try await withFolder(permissions: 0o755) { folder in
            Events.start()
            let options = SocketListenerOptions(permissions: .everyone)
            try await SocketListener.withListener(at: .unix(path: folder + "/s"), options: options) { listener in
                let accepting = Task { try await listener.accept() }
                let output = try await asNobody(
                    """
                    import socket, sys
                    s = socket.socket(socket.AF_UNIX)
                    s.connect(sys.argv[1])
                    try:
                        s.send(b"let me in")
                        print(s.recv(1))
                    except (ConnectionResetError, BrokenPipeError):
                        print("closed")
                    """, folder + "/s")
                #expect(output.text == "closed\n" || output.text == "b''\n")
                try await eventually { Events.refusals(at: listener.address) == 1 }
                let client = try await SocketConnection.connect(to: listener.address)
                let accepted = try #require(try await accepting.value)
                #expect(accepted.peer.processID == ProcessFacts.processID)
                client.close()
            }
        }
    }

    @Test func whoIsAllowedIsKnown() async throws {
        try await withFolder(permissions: 0o755) { folder in
            let options = SocketListenerOptions(permissions: .everyone, authorization: .users([65534]))
            try await SocketListener.withListener(at: .unix(path: folder + "/s"), options: options) { listener in
                let accepting = Task { try await listener.accept() }
                let output = try await asNobody(
                    """
                    import socket, sys
                    s = socket.socket(socket.AF_UNIX)
                    s.connect(sys.argv[1])
                    s.sendall(b"hello")
                    s.shutdown(socket.SHUT_WR)
                    """, folder + "/s")
                #expect(output.status.isSuccess, "\(output.text)")
                let accepted = try #require(try await accepting.value)
                #expect(accepted.peer.userID == 65534 && accepted.peer.groupID == 65534)
                #expect(try await accepted.read() == Array("hello".utf8))
                #expect(try await accepted.read() == nil)
            }
        }
    }

    /// An abstract name has no permissions: what another user sends there is dropped, unless he is allowed.
    @Test(arguments: ["usual", "allowed", "everyone", "path"]) func datagramsOfAnotherUser(_ rule: String) async throws
    {
        try await withFolder(permissions: 0o755) { folder in
            let name = "swift-ipc-stranger-\(rule)-\(ProcessFacts.processID)"
            let address: SocketAddress =
                rule == "path" ? try .unix(path: folder + "/s") : try .unix(abstract: name)
            let authorization: SocketAuthorization? =
                switch rule {
                case "allowed": .users([65534])
                case "everyone": .everyone
                case "path": .sameUserOrRoot
                default: nil
                }
            let channel = try DatagramChannel(
                at: address, options: .init(permissions: .everyone), authorization: authorization)
            let output = try await asNobody(
                """
                import socket, sys
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                name = sys.argv[1]
                for n in range(3): s.sendto(b"from a stranger", name if name[0] == "/" else "\\0" + name)
                """, rule == "path" ? folder + "/s" : name)
            #expect(output.status.isSuccess, "\(output.errorText)")
            let client = try await DatagramChannel.connect(to: address)
            try await client.send(Datagram(payload: [7]))
            let isOpen = rule == "allowed" || rule == "everyone"
            for _ in 0..<(isOpen ? 3 : 0) {
                #expect(try await channel.receive()?.payload == Array("from a stranger".utf8))
            }
            if rule == "allowed" {
                guard case .empty = try channel.tryReceive() else {
                    Issue.record("nobody else was allowed")
                    return
                }
            } else {
                #expect(try await channel.receive()?.payload == [7])
            }
            #expect(channel.refusedMessageCount == (rule == "everyone" ? 0 : rule == "allowed" ? 1 : 3))
            channel.close()
        }
    }
}
