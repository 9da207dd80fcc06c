import IPCProcess
import IPCSystem
import TestSupport
import Testing

@testable import IPCSockets

/// Who is at the other end, and what the kernel does not know.
@Suite(.watched) struct PeerTests {
    @Test func groupsAndProcess() async throws {
        let (near, _) = try SocketChannel.makePair()
        let own = try await ownGroups()
        #expect(try near.peerWithGroups().supplementaryGroupIDs.map(Set.init) == Set(own))
        #expect(near.peer.supplementaryGroupIDs == nil && near.peer.isKnown)
        let process = try near.peerProcess()
        #expect(try FileCalls.destination(of: "/proc/self/fd/\(process.borrowedNumber ?? -1)").contains("pidfd"))
        near.close()
        let error = await failure { () async throws(IPCError) in try near.peerProcess() }
        #expect(error?.code == .closed)
    }

    @Test func nobodyIsKnownOverTCP() async throws {
        let listener = try SocketListener(at: .tcp(port: 0))
        defer { listener.close() }
        let client = try await SocketConnection.connect(to: listener.address)
        #expect(!client.peer.isKnown && !client.peer.isSameUser && client.peer.processID == 0)
        let groups = await failure { () async throws(IPCError) in try client.peerWithGroups() }
        let process = await failure { () async throws(IPCError) in try client.peerProcess() }
        #expect(groups?.code == .unsupported && process?.code == .unsupported)
    }

    /// The truth about pairs: an end that a child has says who made the pair, on both sides.
    @Test func pairNamesWhoMadeIt() async throws {
        let (near, far) = try SocketChannel.makePair()
        let child = try await ChildProcess.spawn(
            .path(helperPath), arguments: ["net-peer"], options: .init(standardOutput: .pipe),
            transferring: [far])
        let line = try await child.standardOutput.readLine(until: .after(.seconds(60)))
        #expect(line == "\(ProcessFacts.processID)")
        #expect(near.peer.processID == ProcessFacts.processID && near.peer.processID != child.processID)
        _ = try await child.exitStatus()
    }

    /// A client that is gone is not another one that has its number now.
    @Test func processThatIsGone() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            let listener = try SocketListener(at: address)
            defer { listener.close() }
            let client = try await ChildProcess.spawn(
                .path(helperPath), arguments: ["socket-client", folder + "/s", "0"])
            let connection = try #require(try await listener.accept())
            #expect(connection.peer.processID == client.processID)
            _ = try await client.exitStatus()
            // Reaped: the kernel keeps what the socket was made with, and says so from Linux 6.16 on.
            do throws(IPCError) {
                let process = try connection.peerProcess()
                #expect(process.borrowedNumber != nil)
            } catch {
                #expect(error.code == .notFound, "\(error)")
            }
        }
    }

    @Test(.enabled(if: canBecomeNobody && hasPython, "needs root, setpriv and Python"))
    func groupsDecide() async throws {
        let program = """
            import socket, sys
            s = socket.socket(socket.AF_UNIX)
            s.connect(sys.argv[1])
            try: print(s.recv(10))
            except ConnectionError: print(b"")
            """
        try await withFolder(permissions: 0o711) { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            var options = SocketListenerOptions(permissions: AccessPermissions(rawValue: 0o666))
            options.authorization = .groups([4711])
            let listener = try SocketListener(at: address, options: options)
            let serving = Task {
                let connection = try #require(try await listener.accept())
                #expect(connection.peer.supplementaryGroupIDs?.contains(4711) == true)
                try await connection.write([104, 105])
                connection.close()
            }
            let stranger = try await asNobody(program, folder + "/s")
            #expect(stranger.text == "b''\n", "\(stranger.errorText)")
            let member = try await Command(
                "setpriv",
                arguments: [
                    "--reuid=65534", "--regid=65534", "--groups=100,4711", "/usr/bin/python3", "-c", program,
                    folder + "/s",
                ]
            ).output(until: .after(.seconds(60)))
            #expect(member.text == "b'hi'\n", "\(member.errorText)")
            try await serving.value
            listener.close()
        }
    }
}

/// The supplementary groups of this process, as its child has them.
func ownGroups() async throws -> [UInt32] {
    let line = try await Command("grep", "^Groups:", "/proc/self/status").output().text
    return line.split(whereSeparator: \.isWhitespace).compactMap { UInt32($0) }
}
