import IPCProcess
import IPCSystem
import TestSupport
import Testing

@testable import IPCSockets

@Suite(.watched) struct ActivationTests {
    @Test func variablesSayWhatTheySay() throws {
        func names(_ process: String?, _ count: String?, _ names: String?) throws(IPCError) -> [String] {
            try SocketActivation.names(process: process, count: count, names: names, own: 42)
        }
        #expect(try names(nil, nil, nil) == [])
        #expect(try names("42", nil, nil) == [])
        #expect(try names("41", "2", "a:b") == [])
        #expect(try names("42", "0", nil) == [])
        #expect(try names("42", "2", nil) == ["unknown", "unknown"])
        #expect(try names("42", "3", "a::c") == ["a", "unknown", "c"])
        for (process, count, list) in [
            ("x", "1", nil), ("42", "x", nil), ("42", "-1", nil), ("42", "1025", nil), ("42", "2", "a"),
            ("99999999999", "1", nil), ("-42", "1", nil),
        ] as [(String, String, String?)] {
            let error = #expect(throws: IPCError.self) { try names(process, count, list) }
            #expect(error?.code == .invalidArgument, "\(process) \(count)")
        }
    }

    /// As systemd does it: the sockets are there before the server is.
    @Test(.enabled(if: hasPython, "needs /usr/bin/python3"), arguments: [true, false])
    func serverIsStartedWithItsSockets(_ isMeant: Bool) async throws {
        try await withFolder { folder in
            let manager = """
                import os, socket, sys
                folder, helper, meant = sys.argv[1:]
                unix = socket.socket(socket.AF_UNIX); unix.bind(folder + "/s"); unix.listen()
                tcp = socket.socket(socket.AF_INET); tcp.bind(("127.0.0.1", 0)); tcp.listen()
                udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("127.0.0.1", 0))
                first = socket.socket(socket.AF_UNIX); first.connect(folder + "/s")
                second = socket.create_connection(tcp.getsockname())
                third = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); third.settimeout(10)
                pid = os.fork()
                if pid == 0:
                    copies = [os.dup(s.fileno()) for s in (unix, tcp, udp)]
                    high = [os.dup2(c, 50 + n, True) for n, c in enumerate(copies)]
                    for n in range(3): os.dup2(50 + n, 3 + n, True)
                    for n in range(6, 60):
                        try: os.close(n)
                        except OSError: pass
                    env = dict(os.environ, LISTEN_PID=str(os.getpid() if meant == "yes" else 1),
                               LISTEN_FDS="3", LISTEN_FDNAMES="local:web:ask")
                    os.execve(helper, [helper, "net-activated", meant], env)
                if meant == "yes":
                    print(first.recv(100), second.recv(100))
                    back = None
                    while back is None:
                        third.sendto(b"?", udp.getsockname())
                        try: back = third.recv(10)
                        except TimeoutError: pass
                    print(back)
                print(os.waitpid(pid, 0)[1])
                os.unlink(folder + "/s")
                """
            let output = try await Command(
                "/usr/bin/python3", arguments: ["-c", manager, folder, helperPath, isMeant ? "yes" : "no"]
            ).output(until: .after(.seconds(90)))
            #expect(output.text == (isMeant ? "b'unix' b'tcp'\nb'!'\n0\n" : "0\n"), "\(output.errorText)")
        }
    }

    @Test func onlySocketsThatListenAreAdopted() async throws {
        let (near, far) = try SocketConnection.makePair()
        let connected = try near.transfer().descriptors[0]
        let error = await failure { () async throws(IPCError) in try SocketListener(adopting: connected) }
        #expect(error?.code == .invalidArgument)
        let connection = try SocketConnection(adopting: try far.transfer().descriptors[0])
        #expect(connection.type == .stream)
        let ends = try DescriptorCalls.makePipe()
        closeDescriptor(ends.writing)
        let pipe = await failure { () async throws(IPCError) in
            try SocketConnection(adopting: PassedDescriptor(owning: ends.reading))
        }
        #expect(pipe?.code == .invalidArgument)
        let listener = try SocketListener(at: .tcp(port: 0))
        let adopted = try SocketListener(adopting: PassedDescriptor(duplicating: listener.stream.number))
        #expect(adopted.address == listener.address)
        listener.close()
        let client = try await SocketConnection.connect(to: adopted.address)
        #expect(try await adopted.accept()?.remoteAddress == client.localAddress)
        adopted.close()
        let datagrams = try DatagramChannel(at: .udp(port: 0))
        let wrong = await failure { () async throws(IPCError) in
            try SocketConnection(adopting: PassedDescriptor(duplicating: datagrams.stream.number))
        }
        #expect(wrong?.code == .invalidArgument)
    }
}
