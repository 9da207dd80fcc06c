import IPCPipes
import IPCProcess
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct NamedPipeTests {
    // MARK: Names

    @Test func intentsSayWhatIsToHappen() async throws {
        try await withFolder { folder in
            let path = folder + "/fifo"
            #expect(await code { _ = try NamedPipe(path, .open) } == .notFound)
            let made = try NamedPipe(path, .create)
            #expect(made.isCreator)
            #expect(made.isInPlace)
            #expect(await code { _ = try NamedPipe(path, .create) } == .alreadyExists)
            let opened = try NamedPipe(path, .open)
            #expect(!opened.isCreator)
            let either = try NamedPipe(path, .openOrCreate)
            #expect(!either.isCreator)
            made.remove()
            #expect(!opened.isInPlace)
            let again = try NamedPipe(path, .openOrCreate)
            #expect(again.isCreator)
        }
    }

    @Test func badPathsAreTypedErrors() async throws {
        try await withFolder { folder in
            #expect(await code { _ = try NamedPipe("") } == .invalidName)
            #expect(await code { _ = try NamedPipe(folder + "/a\0b") } == .invalidName)
            #expect(await code { _ = try NamedPipe(folder + "/missing/fifo", .create) } == .notFound)
            #expect(await code { _ = try NamedPipe(folder + "/missing/fifo", .open) } == .notFound)
            #expect(await code { _ = try NamedPipe(folder + "/missing/fifo", .openOrCreate) } == .notFound)
            let long = String(repeating: "x", count: 300)
            #expect(await code { _ = try NamedPipe(folder + "/" + long, .create) } == .invalidName)
            let deep = String(repeating: "/x", count: 2100)
            #expect(await code { _ = try NamedPipe(folder + deep, .create) } == .invalidName)
            let error = #expect(throws: IPCError.self) { try NamedPipe(folder + "/missing/fifo", .create) }
            #expect(error?.object == folder + "/missing/fifo")
            #expect(error?.systemCall == "mkfifo")
        }
    }

    @Test func otherKindsAreTypedErrors() async throws {
        try await withFolder { folder in
            let script = """
                cd "$1" && echo data > file && mkdir folder && mkfifo real && ln -s real link && ln -s none dangling
                """
            _ = try await shell(script, folder).output().checked()
            for intent in [CreationIntent.open, .openOrCreate] {
                #expect(await code { _ = try NamedPipe(folder + "/file", intent) } == .alreadyExists)
                #expect(await code { _ = try NamedPipe(folder + "/folder", intent) } == .alreadyExists)
                #expect(await code { _ = try NamedPipe(folder + "/link", intent) } == .permissionDenied)
                #expect(await code { _ = try NamedPipe(folder + "/dangling", intent) } == .permissionDenied)
            }
            for name in ["file", "folder", "link", "dangling", "real"] {
                #expect(await code { _ = try NamedPipe(folder + "/" + name, .create) } == .alreadyExists)
            }
            let socket = try SocketCalls.makeUnixSocket(.stream)
            try SocketCalls.bindUnix(socket.number, path: folder + "/socket")
            #expect(await code { _ = try NamedPipe(folder + "/socket", .open) } == .alreadyExists)
            #expect(try await Command("cat", folder + "/file").output().checked().text == "data\n")
        }
    }

    @Test func creatorRemovesItsOwnAndNothingElse() async throws {
        try await withFolder { folder in
            let path = folder + "/fifo"
            do { _ = try NamedPipe(path, .create) }
            #expect((try? FileCalls.status(at: path)) == nil)

            let first = try NamedPipe(path, .create)
            try FileCalls.unlink(path)
            let second = try NamedPipe(path, .create)
            first.remove()
            #expect(second.isInPlace, "the first one removed what the second one made")
            do { _ = try NamedPipe(path, .open) }
            #expect(second.isInPlace, "one that only opened removed it")
            second.keepName()
            second.remove()
            #expect(second.isInPlace)

            let reader = try NamedPipe(folder + "/held", .create).openReader()
            #expect((try? FileCalls.status(at: folder + "/held")) != nil, "the reader does not hold the name")
            withExtendedLifetime(reader) {}

            let result = try await withNamedPipe(folder + "/scoped") { pipe in pipe.isInPlace }
            #expect(result)
            #expect((try? FileCalls.status(at: folder + "/scoped")) == nil)
        }
    }

    // MARK: Opening

    @Test func openingTwoInAnyOrderLocksNobodyUp() async throws {
        try await withFolder { folder in
            let there = try NamedPipe(folder + "/there", .create)
            let back = try NamedPipe(folder + "/back", .create)
            async let near = {
                let reader = try back.openReader()
                return PipeChannel(reader: reader, writer: try await there.openWriter())
            }()
            async let far = {
                let reader = try there.openReader()
                return PipeChannel(reader: reader, writer: try await back.openWriter())
            }()
            let (nearEnd, farEnd) = try await (near, far)
            try await nearEnd.send([1, 2, 3])
            #expect(try await farEnd.receive() == [1, 2, 3])
            try await farEnd.send([4])
            #expect(try await nearEnd.receive() == [4])
        }
    }

    @Test func writerWaitsForReaderAndGivesUpInTime() async throws {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            #expect(try pipe.tryOpenWriter() == nil)
            #expect(await code { _ = try await pipe.openWriter(until: .after(.milliseconds(30))) } == .timedOut)
            let waiting = Task { try await pipe.openWriter() }
            try await Task.sleep(for: .milliseconds(30))
            waiting.cancel()
            #expect(await code { _ = try await waiting.value } == .cancelled)

            let successful = Task { try await pipe.openWriter() }
            try await Task.sleep(for: .milliseconds(60))
            let reader = try pipe.openReader()
            let writer = try await successful.value
            try await writer.send([7])
            #expect(try await reader.receive() == [7])
        }
    }

    @Test func waitingDisturbsNobody() async throws {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            // A foreign writer that blocks in open(2) stays there while we wait for a reader.
            let blocked = try await ChildProcess.spawn("sh", arguments: ["-c", "echo foreign > $1", "sh", pipe.path])
            try await Task.sleep(for: .milliseconds(50))
            #expect(await code { _ = try await pipe.openWriter(until: .after(.milliseconds(100))) } == .timedOut)
            #expect(try blocked.exitStatusIfEnded() == nil)
            let reader = try pipe.openReader(options: PipeOptions(framing: .bytes))
            #expect(try await reader.readToEnd(limit: 100) == Array("foreign\n".utf8))
            #expect(try await blocked.exitStatus().isSuccess)
        }
    }

    @Test func writerFindsAReaderThatBlocksInOpen() async throws {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            let waiting = Task { try await pipe.openWriter(options: PipeOptions(framing: .bytes)) }
            let cat = Command("cat", pipe.path)
            async let output = cat.output()
            let writer = try await waiting.value
            let text = String(repeating: "all work and no play\n", count: 20_000)
            try await writer.write(text)
            try await writer.finish()
            #expect(try await output.checked().text == text)
        }
    }

    @Test func removalEndsTheWait() async throws {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            let waiting = Task { try await pipe.openWriter() }
            try await Task.sleep(for: .milliseconds(30))
            pipe.remove()
            #expect(await code { _ = try await waiting.value } == .removed)
        }
    }

    // MARK: The end

    @Test func endComesWhenTheLastWriterLeaves() async throws {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            let options = PipeOptions(framing: .bytes)
            let reader = try pipe.openReader(options: options)
            // Nobody has written yet: that is no end.
            #expect(try reader.tryReceive() == .empty)
            #expect(await code { _ = try await reader.receive(until: .after(.milliseconds(20))) } == .timedOut)
            let first = try #require(try pipe.tryOpenWriter(options: options))
            let second = try #require(try pipe.tryOpenWriter(options: options))
            try await first.write("one")
            first.close()
            #expect(try await reader.receive() == Array("one".utf8))
            #expect(try reader.tryReceive() == .empty)
            let waiting = Task { try await reader.receive() }
            try await Task.sleep(for: .milliseconds(20))
            second.close()
            #expect(try await waiting.value == nil)
            #expect(try await reader.receive() == nil)
            // The next session: another reader.
            let next = try pipe.openReader(options: options)
            reader.close()
            #expect(try next.tryReceive() == .empty)
            let third = try #require(try pipe.tryOpenWriter(options: options))
            try await third.write("two")
            third.close()
            #expect(try await next.readToEnd(limit: 10) == Array("two".utf8))
        }
    }

    @Test func writerThatSaysNothingEndsTheStreamToo() async throws {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            let reader = try pipe.openReader(options: PipeOptions(framing: .bytes))
            let waiting = Task { try await reader.receive() }
            try await Task.sleep(for: .milliseconds(20))
            _ = try await shell(": > \"$1\"", pipe.path).output().checked()
            #expect(try await waiting.value == nil)
        }
    }

    /// It came when the reader had looked and found nobody, and before it asked whether that was the end.
    @Test func firstWriterThatIsGoneAtOnceIsRead() async throws {
        try await withFolder { folder in
            let output = try await Command(.path(helperPath), "pipe-first-writer", folder + "/fifo").output(
                until: .after(.seconds(60)))
            #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
        }
    }

    @Test func serverOutlivesItsClients() async throws {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            let options = PipeOptions(framing: .messagesFromManyWriters)
            #expect(await code { _ = try pipe.openReader(endOfInput: .never) } == .invalidArgument)
            let reader = try pipe.openReader(options: options, endOfInput: .never)
            #expect(reader.guarantees.topology == .queue)
            #expect(!reader.guarantees.detectsPeerDeath)
            for client in 0..<20 as Range<UInt8> {
                let writer = try await pipe.openWriter(options: options)
                try await writer.send([client])
                if client % 2 == 0 { try await writer.finish() } else { writer.close() }
                #expect(try await reader.receive() == [client])
            }
            #expect(try reader.tryReceive() == .empty)
            #expect(await code { _ = try await reader.receive(until: .after(.milliseconds(20))) } == .timedOut)
        }
    }

    @Test func readerIsGone() async throws {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            let reader = try pipe.openReader()
            let writer = try #require(try pipe.tryOpenWriter())
            reader.close()
            #expect(try await eventualCode { try await writer.send([1]) } == .peerClosed)
            #expect(try pipe.tryOpenWriter() == nil)
        }
    }

    @Test func lotsOfDataToAndFromPrograms() async throws {
        try await withFolder { folder in
            let input = try NamedPipe(folder + "/in", .create)
            let output = try NamedPipe(folder + "/out", .create)
            let sorting = try await ChildProcess.spawn(
                "sh", arguments: ["-c", "sort -n < $1 > $2", "sh", input.path, output.path])
            let reader = try output.openReader(options: PipeOptions(framing: .bytes))
            let writer = try await input.openWriter(options: PipeOptions(framing: .bytes))
            let numbers = (0..<100_000).map { ($0 &* 7919) % 100_000 }
            async let written: Void = {
                try await writer.write(numbers.map(String.init).joined(separator: "\n") + "\n")
                try await writer.finish()
            }()
            var lines: [String] = []
            for try await line in reader.lines { lines.append(line) }
            try await written
            #expect(lines == (0..<100_000).map(String.init))
            #expect(try await sorting.exitStatus().isSuccess)
        }
    }
}
