import IPCPipes
import IPCSystem
import TestSupport
import Testing

@testable import IPCProcess

@Suite(.watched) struct InheritedEndpointTests {
    @Test func textComesBackAsItWas() throws {
        let items = [
            InheritedEndpoints.Item(descriptors: [], state: []),
            .init(descriptors: [.init(number: 3, device: 0, inode: .max)], state: [0, 0x9a, 255]),
            .init(
                descriptors: [.init(number: 4, device: 1, inode: 2), .init(number: 5, device: .max, inode: 0)],
                state: []),
        ]
        #expect(InheritedEndpoints.decode(InheritedEndpoints.encode(items)) == items)
        #expect(InheritedEndpoints.decode(InheritedEndpoints.encode([])) == [])
    }

    @Test(arguments: [
        "", "1", "2;", "1;3@1:2", "1;3@1:2;", "1;3@1/;", "1;3/;", "1;x@1:2/;", "1;0@1:2/;", "1;-3@1:2/;", "1;3@1:2/a;",
        "1;3@1:2/ag;", "1;3@1:2/00/;", "1;99999999999@1:2/;", "1;;", "1;3@1:2:3/;",
    ])
    func textThatIsNotOursIsRefused(_ text: String) {
        #expect(InheritedEndpoints.decode(text) == nil)
    }

    /// The example of `Documentation/WireFormat.md`.
    @Test func exampleInTheDocumentation() {
        let items = [
            InheritedEndpoints.Item(descriptors: [.init(number: 3, device: 13, inode: 48213)], state: []),
            .init(descriptors: [.init(number: 4, device: 13, inode: 48214)], state: [0x01, 0x57]),
        ]
        #expect(InheritedEndpoints.encode(items) == "1;3@13:48213/;4@13:48214/0157;")
    }

    /// A parent in Python that gives two pipes with empty states, as the documentation says.
    @Test(.enabled(if: (try? FileCalls.status(at: "/usr/bin/python3")) != nil, "needs /usr/bin/python3"))
    func parentInAnotherLanguage() async throws {
        let program = """
            import os, subprocess, sys
            theirs, mine = os.pipe(), os.pipe()
            given = (theirs[0], mine[1])
            files = [(number, os.fstat(number)) for number in given]
            text = "1;" + "".join(f"{number}@{file.st_dev}:{file.st_ino}/;" for number, file in files)
            child = subprocess.Popen(
                [sys.argv[1], "endpoints"], pass_fds=given, env=dict(os.environ, SWIFT_IPC_INHERITED=text))
            for number in given: os.close(number)
            os.write(theirs[1], b"hello")
            os.close(theirs[1])
            answer = os.fdopen(mine[0], "rb").read()
            sys.exit(child.wait() or answer != b"hello")
            """
        let output = try await Command("/usr/bin/python3", "-c", program, helperPath).output(
            until: .after(.seconds(60)))
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }

    @Test func numbersThatMeanSomethingElseAreNotOffered() throws {
        let pipe = try DescriptorCalls.makePipe()
        defer {
            closeDescriptor(pipe.reading)
            closeDescriptor(pipe.writing)
        }
        let status = try FileCalls.status(of: pipe.reading)
        let wrong = "1;\(pipe.reading)@\(status.device):\(status.inode + 1)/;"
        #expect(InheritedEndpoints.adopt(wrong).map { $0 == nil } == [true])
        #expect(InheritedEndpoints.adopt("1;999@1:1/;").map { $0 == nil } == [true])
        let twice = "\(pipe.reading)@\(status.device):\(status.inode)"
        #expect(InheritedEndpoints.adopt("1;\(twice)/;\(twice)/;").isEmpty)
    }

    @Test func endpointsReachTheChildOnce() async throws {
        let (theirReader, writer) = try AnonymousPipe.make(options: PipeOptions(framing: .bytes))
        let (reader, theirWriter) = try AnonymousPipe.make(options: PipeOptions(framing: .bytes))
        let child = try await ChildProcess.spawn(
            .path(helperPath), arguments: ["endpoints"], options: .init(standardOutput: .pipe),
            transferring: [theirReader, theirWriter])
        let message = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 >> 3) }
        async let sent: Void = {
            try await writer.send(message)
            try await writer.finish()
        }()
        var received: [UInt8] = []
        while let bytes = try await reader.receive() { received += bytes }
        try await sent
        #expect(received == message)
        let text = try await child.standardOutput.receive()
        #expect(text == nil, "\(String(decoding: text ?? [], as: UTF8.self))")
        #expect(try await child.exitStatus() == .exited(0))
    }

    @Test func variableIsNotInherited() async throws {
        #expect(InheritedEndpoints.count == 0)
        let output = try await Command("env").output()
        #expect(!output.text.contains(InheritedEndpoints.variable))
    }
}
