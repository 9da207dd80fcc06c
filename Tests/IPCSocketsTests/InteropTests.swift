import IPCProcess
import IPCSockets
import IPCSystem
import TestSupport
import Testing

let hasPython = (try? FileCalls.status(at: "/usr/bin/python3")) != nil

/// Programs that know nothing of this library.
@Suite(.watched, .enabled(if: hasPython, "needs /usr/bin/python3")) struct InteropTests {
    private func python(_ program: String, _ arguments: String...) async throws -> CommandOutput {
        try await Command("/usr/bin/python3", arguments: ["-c", program] + arguments).output(
            until: .after(.seconds(60)))
    }

    @Test func halfCloseBothWays() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            try await SocketListener.withListener(at: address) { listener in
                let serving = Task {
                    let connection = try #require(try await listener.accept())
                    var all: [UInt8] = []
                    while let bytes = try await connection.read() { all += bytes }
                    try await connection.write(Array(all.reversed()))
                    try await connection.finishWriting()
                    connection.close()
                }
                let output = try await python(
                    """
                    import socket, sys
                    s = socket.socket(socket.AF_UNIX)
                    s.connect(sys.argv[1])
                    s.sendall(b"0123456789" * 20000)
                    s.shutdown(socket.SHUT_WR)
                    back = b""
                    while piece := s.recv(65536): back += piece
                    print(back == b"9876543210" * 20000)
                    """, folder + "/s")
                #expect(output.text == "True\n")
                try await serving.value
            }
        }
    }

    @Test func connectsToAForeignServer() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            let server = Task {
                try await python(
                    """
                    import os, socket, sys
                    l = socket.socket(socket.AF_UNIX)
                    l.bind(sys.argv[1])
                    l.listen()
                    c, _ = l.accept()
                    c.sendall(b"first")
                    c.shutdown(socket.SHUT_WR)
                    got = b""
                    while piece := c.recv(65536): got += piece
                    os.unlink(sys.argv[1])
                    print(len(got))
                    """, path)
            }
            try await eventually { (try? FileCalls.status(at: path)) != nil }
            let channel = try await connectPatiently(.unix(path: path), SocketOptions(framing: .bytes))
            #expect(try await channel.receive() == Array("first".utf8))
            #expect(try await channel.receive() == nil)
            for _ in 0..<10 { try await channel.send([UInt8](repeating: 1, count: 100_000)) }
            try await channel.finish()
            #expect(try await server.value.text == "1000000\n")
            channel.close()
        }
    }

    /// A peer that has only the description of the wire format.
    @Test(arguments: [0, 1, 2, 3, 4, 16, 253])
    func framesAndDescriptorsByHand(_ count: Int) async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            try await SocketListener.withListener(at: address, options: .init(takesDescriptors: true)) { listener in
                let serving = Task {
                    let connection = try #require(try await listener.accept())
                    let channel = try connection.channel(options: SocketOptions(maximumDescriptors: 253))
                        .descriptorMessages
                    let message = try #require(try await channel.receive())
                    #expect(message.descriptors.count == count)
                    try await channel.send(message)
                    #expect(try await channel.receive() == nil)
                    try await channel.finish()
                    connection.close()
                }
                let output = try await python(
                    """
                    import os, socket, struct, sys
                    count = int(sys.argv[2])
                    s = socket.socket(socket.AF_UNIX)
                    s.connect(sys.argv[1])
                    frame = struct.pack("<QBBHI", 5, 1, 0, count, 0) + b"hello"
                    r, w = os.pipe()
                    data = b"swiftIPC" + struct.pack("<HHI", 1, 0, 0) + frame
                    if count: socket.send_fds(s, [data], [w] * count)
                    else: s.sendall(data)
                    os.close(w)
                    s.sendall(struct.pack("<QBBHI", 0, 2, 0, 0, 0))
                    got, fds = b"", []
                    while len(got) < 16 + len(frame):
                        data, some, flags, _ = socket.recv_fds(s, 65536, 300)
                        got += data
                        fds += some
                    while s.recv(100): pass
                    for fd in fds: os.write(fd, b"x"); os.close(fd)
                    print(got[16:37] == frame, len(fds), len(os.read(r, 1000)), os.read(r, 1) == b"")
                    """, folder + "/s", "\(count)")
                #expect(output.text == "True \(count) \(count) True\n", "\(output.errorText)")
                try await serving.value
            }
        }
    }
}
