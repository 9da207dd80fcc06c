import IPCProcess
import IPCSharedMemory
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Broadcasts between processes, and what is left when some of them are killed.
@Suite(.watched) struct BroadcastProcessTests {
    /// FIRST LAST COUNT LAPPED END, as the helper says it.
    private struct Report {
        let (first, last, count, lapped): (UInt64, UInt64, UInt64, UInt64)
        let end: String

        init?(_ line: String) {
            let parts = line.split(separator: " ")
            guard parts.count == 5, let first = UInt64(parts[0]), let last = UInt64(parts[1]),
                let count = UInt64(parts[2]), let lapped = UInt64(parts[3])
            else { return nil }
            (self.first, self.last, self.count, self.lapped, end) = (first, last, count, lapped, String(parts[4]))
        }
    }

    @Test(arguments: ["lossy", "lossless"]) func readersInOtherProcesses(_ kind: String) async throws {
        try await withName { name in
            let writer = try await ChildProcess.spawn(
                .path(helperPath), arguments: ["broadcast-write", name, kind, "100000", "0", "finish"],
                options: ChildProcess.Options(standardOutput: .pipe))
            var said = try writer.standardOutput.lines.makeAsyncIterator()
            #expect(try await said.next() == "ready")
            async let first = helper(["broadcast-read", name, kind])
            async let second = helper(["broadcast-read", name, kind])
            #expect(try await writer.exitStatus(until: .after(.seconds(100))).isSuccess)
            for line in [try await first, try await second] {
                guard let report = Report(line) else {
                    Issue.record("\(line)")
                    continue
                }
                #expect(report.last == 99_999)
                #expect(report.end == "finished")
                #expect(report.count + report.lapped == report.last - report.first + 1)
                #expect(kind == "lossy" || report.lapped == 0)
            }
        }
    }

    @Test(arguments: ["lossy", "lossless"])
    func aReaderGoesToAnotherProcessWithItsPlace(_ kind: String) async throws {
        let writer = try Broadcast.Writer(
            options: BroadcastOptions(delivery: kind == "lossless" ? .lossless(readers: 2) : .lossy, capacity: 65536))
        let reader = try writer.makeReader()
        for number in 0..<100 as Range<UInt64> { try await writer.send(numbered(number)) }
        for _ in 0..<10 { _ = try await reader.receive() }
        try await withChildProcess(
            .path(helperPath), arguments: ["broadcast-inherit", "190"],
            options: ChildProcess.Options(standardOutput: .pipe), transferring: [reader]
        ) { child in
            #expect(await code { _ = try await reader.receive() } == .closed)
            var lines = try child.standardOutput.lines.makeAsyncIterator()
            #expect(try await lines.next() == "first 10")
            for number in 100..<200 as Range<UInt64> { try await writer.send(numbered(number)) }
            #expect(try await lines.next() == "count 190")
            #expect(try await child.exitStatus(until: .after(.seconds(60))).isSuccess)
        }
        // Its seat is free again, and holds nobody up.
        for number in 0..<5000 as Range<UInt64> { try await writer.send(numbered(number), until: .after(.seconds(60))) }
    }

    @Test func aDeadReaderHoldsNobodyUp() async throws {
        try await withName { name in
            let writer = try Broadcast.Writer(
                at: .named(name), options: BroadcastOptions(delivery: .lossless(readers: 2), capacity: 65536))
            var next: UInt64 = 0
            for _ in 0..<3 {
                let dead = try await ChildProcess.spawn(
                    .path(helperPath), arguments: ["broadcast-read", name, "lossless", "says-in"],
                    options: ChildProcess.Options(standardOutput: .pipe))
                let living = try writer.makeReader()
                // The other one has the second slot by then, and is stopped soon: the ring fills.
                #expect(try await dead.standardOutput.readLine(until: .after(.seconds(60))) == "in")
                try await untilFull(writer, living, dead, &next)
                _ = try await dead.kill()
                for _ in 0..<3000 {
                    try await writer.send(numbered(next), until: .after(.seconds(60)))
                    #expect(try await living.receive(until: .after(.seconds(60))) == numbered(next))
                    next += 1
                }
                living.close()
            }
        }
    }

    private func untilFull(
        _ writer: Broadcast.Writer, _ living: Broadcast.Reader, _ other: ChildProcess, _ next: inout UInt64
    ) async throws {
        for round in 0..<200_000 {
            if round == 2000 { try other.send(.stop) }
            if round % 100 == 99 { try await Task.sleep(for: .milliseconds(1)) }
            // The reader that is stopped checks that each number follows the last one.
            guard try writer.trySend(numbered(next)) else {
                if round > 2000 { return }
                try await Task.sleep(for: .milliseconds(1))
                continue
            }
            #expect(try await living.receive(until: .after(.seconds(60))) == numbered(next))
            next += 1
        }
        Issue.record("the ring never filled")
    }

    @Test(arguments: ["lossy", "lossless"], ["header", "body", "published", "room"])
    func aWriterKilledAtEachStepLeavesWholeMessages(_ kind: String, _ point: String) async throws {
        try await withName { name in
            let options = BroadcastOptions(
                delivery: kind == "lossless" ? .lossless(readers: 8) : .lossy, capacity: 65536)
            try Broadcast.Writer(at: .named(name), options: options).close()
            let environment = ProcessEnvironment.inherit.updating([KillPoints.variable: "broadcast \(point):20"])
            let output = try await Command(
                .path(helperPath), arguments: ["broadcast-write", name, kind, "0", "0", "endless"],
                options: ChildProcess.Options(environment: environment)
            ).output()
            #expect(!output.status.isSuccess)
            let report = try #require(Report(try await helper(["broadcast-read", name, kind])))
            #expect(report.end == "peerClosed")
            #expect(report.count == report.last - report.first + 1)
            // The next writer goes on behind the last whole message.
            let writer = try Broadcast.Writer(at: .named(name), .open, options: options)
            let reader = try writer.makeReader(from: .oldest)
            try await writer.send(numbered(report.last + 1))
            try await writer.finish()
            var expected = report.first
            while let message = try await reader.receive() {
                #expect(message == numbered(expected))
                expected += 1
            }
            #expect(expected == report.last + 2)
            #expect(reader.lappedCount == 0)
        }
    }

    /// Somebody who may write to the memory writes nonsense: nobody crashes, hangs or reads elsewhere.
    @Test(arguments: ["lossy", "lossless"]) func nonsenseInTheMemoryCrashesNobody(_ kind: String) async throws {
        try await withName { name in
            let options = BroadcastOptions(
                delivery: kind == "lossless" ? .lossless(readers: 8) : .lossy, capacity: 65536)
            let writer = try Broadcast.Writer(at: .named(name), options: options)
            async let scribbled = helper(["broadcast-scribble", name, "3000"])
            let end = Deadline.after(.milliseconds(2500))
            try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    var count = 0
                    repeat {
                        do throws(IPCError) {
                            try await writer.send(numbered(UInt64(count)), until: .after(.milliseconds(20)))
                        } catch {
                            #expect(error.code == .timedOut)
                        }
                        count += 1
                        await Task.yield()
                    } while !end.hasPassed
                    return count
                }
                for _ in 0..<2 {
                    group.addTask {
                        var count = 0
                        repeat {
                            do throws(IPCError) {
                                let reader = try Broadcast.Reader(at: .named(name), from: .oldest)
                                for _ in 0..<100 where !end.hasPassed {
                                    await Task.yield()
                                    _ = try await reader.receive(until: .after(.milliseconds(20)))
                                }
                            } catch {
                                let allowed: [IPCError.Code] = [
                                    .timedOut, .protocolViolation, .resourceExhausted, .peerClosed,
                                ]
                                #expect(allowed.contains(error.code), "\(error)")
                            }
                            count += 1
                        } while !end.hasPassed
                        return count
                    }
                }
                for try await count in group { #expect(count > 0) }
            }
            #expect(try await scribbled == "ready")
        }
    }

    /// The long form is .ci/long.d/broadcast-storm.
    @Test func killedWritersAndReadersTearNothing() async throws {
        let said = try await helper(["broadcast-storm", "1"])
        #expect(said.split(separator: " ").first.flatMap { Int($0) } ?? 0 >= 6, "\(said)")
    }
}

/// As the helper program makes it.
private func numbered(_ number: UInt64) -> [UInt8] {
    let head = (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
    return head + (0..<(number % 97) * 3).map { UInt8(truncatingIfNeeded: number &+ $0) }
}
