import IPCProcess
import IPCSharedMemory
import IPCSockets
import IPCSystem
import TestSupport
import Testing

private let lossless = BroadcastOptions(delivery: .lossless(readers: 4), capacity: 4096)
private let lossy = BroadcastOptions(capacity: 4096)

@Suite(.watched) struct BroadcastTests {
    @Test(arguments: [lossy, lossless]) func everyReaderGetsEveryMessage(_ options: BroadcastOptions) async throws {
        let writer = try Broadcast.Writer(options: options)
        let readers = try (0..<3).map { _ in try writer.makeReader() }
        let messages: [[UInt8]] = [[], [1], Array(repeating: 2, count: 1016), [3, 4, 5], Array(0..<9)]
        for message in messages { try await writer.send(message) }
        for reader in readers {
            for message in messages { #expect(try await reader.receive() == message) }
            #expect(try reader.tryReceive() == .empty)
            #expect(reader.lappedCount == 0)
        }
        try await writer.finish()
        for reader in readers {
            #expect(try await reader.receive() == nil)
            #expect(try reader.tryReceive() == .finished)
        }
        #expect(await code { try await writer.send([1]) } == .finished)
        #expect(await code { try await writer.send(Array(repeating: 0, count: 1017)) } == .messageTooLarge)
    }

    @Test func aSlowReaderIsToldWhatItMissed() async throws {
        let writer = try Broadcast.Writer(options: lossy)
        let fromOldest = try writer.makeReader()
        let fromNewest = try writer.makeReader(afterLap: .newest)
        for number in 0..<1000 as Range<UInt64> { #expect(try writer.trySend(message(number))) }
        guard case .lapped(let count) = try await fromOldest.nextEvent() else {
            Issue.record("no lap")
            return
        }
        // Records of 24 bytes in 4,096: some 160 are left.
        #expect(count > 820 && count < 860)
        #expect(fromOldest.lappedCount == count)
        for number in count..<1000 { #expect(try await fromOldest.nextEvent() == .message(message(number))) }
        #expect(try fromOldest.tryReceive() == .empty)

        #expect(try fromNewest.tryReceive() == .empty)
        try await writer.send(message(1000))
        #expect(try await fromNewest.receive() == message(1000))
        #expect(fromNewest.lappedCount == 1000)
    }

    @Test func aLosslessWriterWaitsForTheSlowest() async throws {
        let writer = try Broadcast.Writer(options: lossless)
        let fast = try writer.makeReader()
        let slow = try writer.makeReader()
        var sent: UInt64 = 0
        while try writer.trySend(message(sent)) { sent += 1 }
        #expect(sent == 4096 / 24)
        #expect(await code { try await writer.send([1], until: .after(.milliseconds(20))) } == .timedOut)
        for number in 0..<sent { #expect(try await fast.receive() == message(number)) }
        #expect(try !writer.trySend(message(sent)))
        let held = message(sent)
        let waiting = Task { try await writer.send(held) }
        try await Task.sleep(for: .milliseconds(20))
        for number in 0...sent { #expect(try await slow.receive() == message(number)) }
        try await waiting.value
        // A cancelled send sent nothing.
        while try writer.trySend([7]) {}
        let cancelled = Task { try await writer.send([8]) }
        try await Task.sleep(for: .milliseconds(20))
        cancelled.cancel()
        #expect(await code { try await cancelled.value } == .cancelled)
        // Whoever leaves holds nobody up.
        slow.close()
        #expect(await code { _ = try await slow.receive() } == .closed)
        var last: [UInt8] = []
        while case .message(let next) = try fast.tryReceive() { last = next }
        #expect(last == [7])
        try await writer.send([9])
        #expect(try await fast.receive() == [9])
    }

    @Test(arguments: [lossy, lossless]) func lateReadersGetHistory(_ options: BroadcastOptions) async throws {
        let writer = try Broadcast.Writer(options: options)
        for number in 0..<1000 as Range<UInt64> { try await writer.send(message(number)) }
        let late = try writer.makeReader(from: .oldest)
        var numbers: [UInt64] = []
        while case .message(let bytes) = try late.tryReceive() { numbers.append(number(bytes)) }
        #expect(numbers.count > 140)
        #expect(numbers == Array((1000 - UInt64(numbers.count))..<1000))
        #expect(late.lappedCount == 0)
        #expect(try writer.makeReader(from: .newest).tryReceive() == .empty)
    }

    @Test(arguments: [lossy, lossless]) func theEndIsSeen(_ options: BroadcastOptions) async throws {
        let writer = try Broadcast.Writer(options: options)
        let reader = try writer.makeReader()
        try await writer.send([1])
        let rest = Task {
            #expect(try await reader.receive() == [1])
            return try await reader.receive()
        }
        try await Task.sleep(for: .milliseconds(20))
        writer.close()
        #expect(await code { _ = try await rest.value } == .peerClosed)
        #expect(await code { _ = try reader.tryReceive() } == .peerClosed)
        #expect(await code { try await writer.send([1]) } == .closed)

        let other = try Broadcast.Writer(options: options)
        let waiting = try other.makeReader()
        let ended = Task { try await waiting.receive() }
        try await Task.sleep(for: .milliseconds(20))
        waiting.close()
        #expect(await code { _ = try await ended.value } == .closed)
    }

    @Test(arguments: [lossy, lossless]) func readersGoOnWithTheNextWriter(_ options: BroadcastOptions) async throws {
        try await withName { name in
            let first = try Broadcast.Writer(at: .named(name), options: options)
            let reader = try Broadcast.Reader(at: .named(name))
            first.close()
            #expect(await code { _ = try await reader.receive() } == .peerClosed)
            let second = try Broadcast.Writer(at: .named(name), options: options)
            #expect(try reader.tryReceive() == .empty)
            try await second.send([2])
            #expect(try await reader.receive() == [2])
            second.close()
            #expect(await code { _ = try await reader.receive() } == .peerClosed)
        }
    }

    @Test(arguments: [lossy, lossless]) func aReaderAllocatesNoMoreThanItsLimit(_ options: BroadcastOptions)
        async throws
    {
        let writer = try Broadcast.Writer(options: options)
        let reader = try writer.makeReader(maximumMessageSize: 8)
        let other = try writer.makeReader()
        #expect(reader.guarantees.maximumMessageSize == 8)
        try await writer.send(Array(repeating: 1, count: 8))
        try await writer.send(Array(repeating: 2, count: 9))
        #expect(try await reader.receive() == Array(repeating: 1, count: 8))
        #expect(await code { _ = try await reader.receive() } == .messageTooLarge)
        #expect(await code { _ = try reader.tryReceive() } == .messageTooLarge)
        for count in [8, 9] { #expect(try await other.receive()?.count == count) }
        #expect(await code { _ = try writer.makeReader(maximumMessageSize: -1) } == .invalidArgument)
    }

    /// Somebody changes the word on which readers sleep, all the time, and publishes nothing.
    @Test func aRestlessWriterKeepsNobodyPastTheDeadline() async throws {
        try await withName { name in
            let writer = try Broadcast.Writer(at: .named(name), options: lossy)
            let reader = try Broadcast.Reader(at: .named(name))
            let region = try SharedMemory(at: .named(name), .open, layout: RegionLayout("swift-ipc.broadcast"))
            let end = Deadline.after(.seconds(240))
            let stop = FutexWord()
            let stopped = FutexWord()
            try SystemThread.start("restless") {
                while stop.value == 0, !end.hasPassed { region.payload.word32(128).add(1) }
                _ = stopped.add(1)
            }
            #expect(await code { _ = try await reader.receive(until: .after(.milliseconds(50))) } == .timedOut)
            let cancelled = Task { try await reader.receive() }
            try await Task.sleep(for: .milliseconds(50))
            cancelled.cancel()
            #expect(await code { _ = try await cancelled.value } == .cancelled)
            // The word was restless all the time.
            #expect(stopped.value == 0)
            _ = stop.add(1)
            while stopped.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
            try await writer.send([1])
            #expect(try await reader.receive() == [1])
        }
    }

    @Test func seatsAreLimitedAndComeBack() async throws {
        let writer = try Broadcast.Writer(options: lossless)
        var readers = try (0..<4).map { _ in try writer.makeReader() }
        #expect(await code { _ = try writer.makeReader() } == .resourceExhausted)
        readers.removeLast()
        readers.append(try writer.makeReader())
        try await writer.send([5])
        for reader in readers { #expect(try await reader.receive() == [5]) }
    }

    @Test func whatCannotBeIsRefused() async throws {
        #expect(await code { _ = try Broadcast.Writer(options: BroadcastOptions(capacity: 5000)) } == .invalidArgument)
        #expect(
            await code { _ = try Broadcast.Writer(options: BroadcastOptions(delivery: .lossless(readers: 0))) }
                == .invalidArgument)
        try await withName { name in
            #expect(await code { _ = try Broadcast.Reader(at: .named(name)) } == .notFound)
            let writer = try Broadcast.Writer(at: .named(name), options: lossy)
            #expect(await code { _ = try Broadcast.Writer(at: .named(name), options: lossy) } == .busy)
            #expect(await code { _ = try Blackboard<Int>.Reader(at: .named(name)) } == .typeMismatch)
            writer.close()
            #expect(await code { _ = try Broadcast.Writer(at: .named(name), options: lossless) } == .typeMismatch)
            let second = try Broadcast.Writer(at: .named(name), options: lossy)
            try await second.send([1])
        }
    }

    @Test(arguments: [lossy, lossless]) func allFormsWork(_ options: BroadcastOptions) async throws {
        let writer = try Broadcast.Writer(options: options)
        let reader = try writer.makeReader()
        try await writer.send(byteCount: 3) { span in
            span.append(UInt8(1))
            span.append(UInt8(2))
        }
        #expect(try await reader.receive { [UInt8]($0) } == [1, 2])
        try await writer.send(contentsOf: [[1], [2, 3], []])
        var arrived: [[UInt8]] = []
        #expect(try await reader.receive(upTo: 2, into: &arrived) == 2)
        #expect(try await reader.receive(upTo: 2, into: &arrived) == 1)
        #expect(arrived == [[1], [2, 3], []])
        let row: [UInt8] = [1, 2, 3, 4, 5]
        try await unsafe writer.send(contentsOf: row.span.bytes, messageSize: 2, until: .never)
        arrived = []
        #expect(try await reader.receive(upTo: 9, into: &arrived) == 3)
        #expect(arrived == [[1, 2], [3, 4], [5]])
        try await writer.finish()
        for try await _ in reader.incoming { Issue.record("a message after the end") }
        do {
            try await writer.send(contentsOf: [[1]])
            Issue.record("a batch after finish")
        } catch {
            #expect(error.sentCount == 0 && error.error.code == .finished)
        }
    }

    @Test func nobodyButTheWriterCanWriteToAnAnonymousLossyBroadcast() async throws {
        let writer = try Broadcast.Writer(options: lossy)
        let transferred = try writer.makeReader().transfer()
        let number = transferred.descriptors[0].borrowedNumber!
        let again = try FileCalls.open("/proc/self/fd/\(number)", .readWrite)
        #expect(throws: SystemCallError(.mmap, Errno.notPermitted)) { try MappedMemory(again.number, byteCount: 4096) }
        try await writer.send([4])
        #expect(try await Broadcast.Reader.receive(transferred).receive() == [4])
    }

    private func message(_ number: UInt64) -> [UInt8] {
        (0..<16).map { $0 < 8 ? UInt8(truncatingIfNeeded: number >> (8 * $0)) : 0xEE }
    }

    private func number(_ bytes: [UInt8]) -> UInt64 { bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) } }
}
