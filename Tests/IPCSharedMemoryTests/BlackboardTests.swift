import IPCProcess
import IPCSharedMemory
import IPCSockets
import IPCSystem
import TestSupport
import Testing

private struct Point: PlainData, Equatable {
    var x: Double
    var y: Double
}

private struct Odd: PlainData, Equatable {
    var bytes: InlineArray<11, UInt8>
    static func == (left: Odd, right: Odd) -> Bool { (0..<11).allSatisfy { left.bytes[$0] == right.bytes[$0] } }
}

private struct Large: PlainData {
    var words: InlineArray<16384, UInt64>
}

@Suite(.watched) struct BlackboardTests {
    @Test func readersSeeTheLatestValue() throws {
        let writer = try Blackboard<Point>.Writer()
        let reader = try writer.makeReader()
        #expect(try reader.latest == nil)
        #expect(reader.version == 0)
        for number in 1...100 {
            let point = Point(x: Double(number), y: Double(-number))
            #expect(try writer.publish(point) == UInt64(number))
            #expect(try reader.latest == point)
            #expect(try reader.latestEntry == .init(value: point, version: UInt64(number)))
        }
        #expect(try writer.update { $0.x = 7 } == 101)
        #expect(try reader.latest == Point(x: 7, y: -100))
        #expect(writer.latest == Point(x: 7, y: -100))
    }

    @Test func valuesOfAnySize() throws {
        let odd = try Blackboard<Odd>.Writer()
        let value = Odd(bytes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
        try odd.publish(value)
        #expect(try odd.makeReader().latest == value)
        let byte = try Blackboard<UInt8>.Writer()
        try byte.publish(255)
        #expect(try byte.makeReader().latest == 255)
        let large = try Blackboard<Large>.Writer()
        try large.publish(Large(words: .init(repeating: 9)))
        #expect(try large.makeReader().latest?.words[16383] == 9)
    }

    @Test func oneWriterAtATime() async throws {
        try await withName { name in
            let first = try Blackboard<Point>.Writer(at: .named(name))
            let reader = try Blackboard<Point>.Reader(at: .named(name))
            #expect(await code { _ = try Blackboard<Point>.Writer(at: .named(name)) } == .busy)
            #expect(
                await code {
                    _ = try await Blackboard<Point>.Writer.open(at: .named(name), until: .after(.milliseconds(30)))
                } == .timedOut)
            try first.publish(Point(x: 1, y: 2))
            #expect(try reader.hasWriter)
            let next = Task { try await Blackboard<Point>.Writer.open(at: .named(name), until: .never) }
            try await Task.sleep(for: .milliseconds(20))
            first.close()
            #expect(await code { try first.publish(Point(x: 0, y: 0)) } == .closed)
            let second = try await next.value
            #expect(second.version == 1)
            try second.publish(Point(x: 3, y: 4))
            #expect(try reader.latestEntry == .init(value: Point(x: 3, y: 4), version: 2))
            second.close()
            #expect(try !reader.hasWriter)
        }
    }

    @Test func whatDoesNotMatchIsSaid() async throws {
        try await withName { name in
            #expect(await code { _ = try Blackboard<Point>.Reader(at: .named(name)) } == .notFound)
            #expect(await code { _ = try Blackboard<Point>.Reader(at: .anonymous) } == .unsupported)
            let writer = try Blackboard<Point>.Writer(at: .named(name))
            do throws(IPCError) {
                _ = try Blackboard<SIMD2<Double>>.Reader(at: .named(name))
                Issue.record("a board of another type was opened")
            } catch {
                #expect(error.code == .typeMismatch)
                #expect(error.message.contains("expected") && error.message.contains("found"))
            }
            writer.close()
            #expect(await code { _ = try Blackboard<Odd>.Writer(at: .named(name)) } == .typeMismatch)
        }
    }

    @Test func aBoardInAFileOutlivesItsWriter() async throws {
        try await withFolder { folder in
            let place = SharedMemoryPlace.file("\(folder)/board")
            do {
                let writer = try Blackboard<Point>.Writer(at: place)
                try writer.publish(Point(x: 5, y: 6))
            }
            #expect(try Blackboard<Point>.Reader(at: place).latest == Point(x: 5, y: 6))
            let again = try Blackboard<Point>.Writer(at: place, .open)
            #expect(try again.publish(Point(x: 6, y: 7)) == 2)
        }
    }

    @Test func whoClosesLateDoesNotEndTheNextWriter() async throws {
        try await withName { name in
            let first = try Blackboard<Int>.Writer(at: .named(name))
            first.finish()
            let reader = try Blackboard<Int>.Reader(at: .named(name))
            #expect(try await reader.change(after: 0) == nil)
            first.close()
            let second = try Blackboard<Int>.Writer(at: .named(name))
            // Of a writer that is gone, nothing is heard any more.
            first.finish()
            first.close()
            #expect(await code { _ = try await reader.change(after: 0, until: .after(.milliseconds(20))) } == .timedOut)
            try second.publish(1)
            #expect(try await reader.change(after: 0)?.value == 1)
        }
    }

    @Test func changesAreWaitedFor() async throws {
        let writer = try Blackboard<Int>.Writer()
        let reader = try writer.makeReader()
        #expect(await code { _ = try await reader.change(after: 0, until: .now) } == .timedOut)
        #expect(await code { _ = try await reader.change(after: 0, until: .after(.milliseconds(20))) } == .timedOut)
        let waiting = Task { try await reader.change(after: 0) }
        try await Task.sleep(for: .milliseconds(20))
        waiting.cancel()
        await #expect(throws: IPCError.self) { try await waiting.value }

        let seen = Task {
            var values: [Int] = []
            for try await entry in reader.changes {
                #expect(entry.value == Int(entry.version))
                values.append(entry.value)
            }
            return values
        }
        for number in 1...2000 {
            try writer.publish(number)
            if number % 10 == 0 { await Task.yield() }
        }
        writer.finish()
        let values = try await seen.value
        #expect(values.last == 2000)
        #expect(values == values.sorted() && Set(values).count == values.count)
        #expect(await code { try writer.publish(1) } == .finished)
        #expect(try await reader.change(after: 2000) == nil)
        #expect(try await reader.change(after: 1999)?.value == 2000)
    }

    @Test func theEndOfAnAnonymousBoardIsSeen() async throws {
        let writer = try Blackboard<Int>.Writer()
        let reader = try writer.makeReader()
        let waiting = Task { try await reader.change(after: 0) }
        try await Task.sleep(for: .milliseconds(20))
        writer.close()
        await #expect(throws: IPCError(.peerClosed, "wait for a change: the writer of the blackboard is gone")) {
            try await waiting.value
        }
    }

    @Test func nobodyButTheWriterCanWriteToAnAnonymousBoard() async throws {
        let writer = try Blackboard<Int>.Writer()
        try writer.publish(1)
        let transferred = try writer.makeReader().transfer()
        let number = transferred.descriptors[0].borrowedNumber!
        // The descriptor is for reading, and the memory is sealed even for one that is opened again.
        #expect(throws: SystemCallError(.mmap, Errno.accessDenied)) { try MappedMemory(number, byteCount: 4096) }
        let again = try FileCalls.open("/proc/self/fd/\(number)", .readWrite)
        #expect(throws: SystemCallError(.mmap, Errno.notPermitted)) { try MappedMemory(again.number, byteCount: 4096) }
        let byte: [UInt8] = [1]
        #expect(throws: SystemCallError(.write, Errno.notPermitted)) {
            _ = try unsafe byte.withUnsafeBytes { try unsafe DescriptorCalls.write(again.number, $0) }
        }
        try writer.publish(2)
        #expect(try Blackboard<Int>.Reader.receive(transferred).latest == 2)
    }

    @Test func aReaderGoesToAnotherProcess() async throws {
        let writer = try Blackboard<Sheet>.Writer()
        try writer.publish(Sheet(words: .init(repeating: 41)))
        try await withChildProcess(
            .path(helperPath), arguments: ["board-inherit"],
            options: ChildProcess.Options(standardOutput: .pipe), transferring: [try writer.makeReader()]
        ) { child in
            var lines = try child.standardOutput.lines.makeAsyncIterator()
            #expect(try await lines.next() == "41")
            try writer.publish(Sheet(words: .init(repeating: 42)))
            #expect(try await child.exitStatus(until: .after(.seconds(60))).isSuccess)
        }
    }

    @Test func readersInOtherProcessesSeeWholeValuesInOrder() async throws {
        try await withName { name in
            _ = try Blackboard<Sheet>.Writer(at: .named(name), .create)
            async let first = helper(["board-read", name])
            async let second = helper(["board-read", name])
            try await Task.sleep(for: .milliseconds(100))
            _ = try await helper(["board-write", name, "30000"])
            for line in [try await first, try await second] {
                #expect(line.hasPrefix("30000 "))
            }
            #expect(try await helper(["board-writer", name]) == "version 30000")
        }
    }

    /// The long form is .ci/long.d/blackboard-storm.
    @Test func killedWritersTearNothingAndKeepNobody() async throws {
        let said = try await helper(["board-storm", "0", "10"])
        #expect(said.split(separator: " ").first.flatMap { Int($0) } ?? 0 >= 10, "\(said)")
    }

    @Test(arguments: ["board half written", "board written", "board published"])
    func aWriterKilledAtEachStepLeavesAWholeValue(_ point: String) async throws {
        try await withName { name in
            let reader: Blackboard<Sheet>.Reader
            do {
                let writer = try Blackboard<Sheet>.Writer(at: .named(name), .create)
                reader = try writer.makeReader()
            }
            let output = try await Command(
                .path(helperPath), arguments: ["board-write", name],
                options: ChildProcess.Options(environment: .inherit.updating([KillPoints.variable: "\(point):12"]))
            ).output()
            #expect(!output.status.isSuccess)
            let entry = try reader.latestEntry
            #expect(entry?.version == (point == "board published" ? 12 : 11))
            #expect(entry?.value.number == entry?.version)
            #expect(try !reader.hasWriter)
            #expect(try await helper(["board-write", name, "20"]) == "ready")
            #expect(try reader.latest?.number == (entry?.version).map { $0 + 20 })
        }
    }
}

/// As the helper program has it.
private struct Sheet: PlainData {
    var words: InlineArray<512, UInt64>

    /// The number that all words are.
    var number: UInt64? { (1..<512).allSatisfy { words[$0] == words[0] } ? words[0] : nil }
}

@Suite(.watched) struct SharedWaitTests {
    @Test(arguments: [Errno.notImplemented, Errno.notPermitted])
    func waitsWorkWhereTheSystemRefusesToSleepOnSeveralWords(_ errno: Int32) async throws {
        _ = try await helper(["futex-refused", "\(errno)"])
    }

    @Test func waitsCostNoTimeWhenNothingHappens() async throws {
        let said = try await helper(["futex-idle"])
        #expect(said.hasSuffix("in 4 seconds"))
    }

    @Test func anotherProcessWakesAndIsWoken() async throws {
        try await withName { name in
            let region = try SharedMemory(at: .named(name), .create, byteCount: 4096)
            async let said = helper(["futex-wake", name, "5000"])
            let (theirs, ours) = (region.payload.word32(0), region.payload.word32(64))
            for value in 1...UInt32(5000) {
                while theirs.loadSequential() != value {
                    try await FutexWatcher.shared.wait(
                        while: WordExpectation(theirs, is: value - 1), keeping: region, until: .after(.seconds(60)),
                        looksAgain: false, "test")
                }
                ours.storeSequential(value)
                SharedFutexCalls.wake(ours)
            }
            _ = try await said
        }
    }
}
