import IPCWorkers
import TestSupport
import Testing

/// Tasks that emit values while they run, and input that comes over time.
@Suite(.watched) struct StreamTests {
    private func numbers(_ stream: WorkerStream<Counting>) async throws -> [Int] {
        var found: [Int] = []
        for try await number in stream { found.append(number) }
        return found
    }

    @Test(arguments: [1, 3, 64]) func elementsComeInOrder(_ window: Int) async throws {
        try await withHelperPool { pool async throws in
            for count in [0, 1, 500] {
                #expect(try await numbers(pool.stream(Counting(count: count), window: window)) == Array(0..<count))
            }
        }
    }

    @Test func elementsComeWhileTheTaskRuns() async throws {
        try await withHelperPool(1) { pool async throws in
            var found: [Int] = []
            for try await number in pool.stream(Counting(count: 10, end: .hang)) {
                found.append(number)
                if found.count == 10 { break }
            }
            #expect(found == Array(0..<10))
            // Leaving the loop has cancelled it: the one worker is free.
            #expect(try await pool.run(Square(value: 4)) == 16)
        }
    }

    /// The task emits no more than the window while nobody takes anything.
    @Test func whoDoesNotTakeHoldsTheTaskUp() async throws {
        try await withHelperPool(1) { pool async throws in
            let stream = pool.stream(Counting(count: 100_000), window: 4)
            var iterator = stream.makeAsyncIterator()
            #expect(try await iterator.next() == 0)
            try await Task.sleep(for: .milliseconds(100))
            let other = Task { try await pool.run(Noop()) }
            try await Task.sleep(for: .milliseconds(50))
            // It still runs: the other task waits behind it.
            #expect(pool.statistics.finished == 0)
            for expected in 1..<1000 { #expect(try await iterator.next() == expected) }
            other.cancel()
            _ = await other.result
        }
    }

    /// A task that was sent behind a stream goes elsewhere, also when the stream waits for whoever takes its elements.
    @Test func taskBehindAStreamThatWaitsIsHandedBack() async throws {
        try await withTemporaryDirectory { folder async throws in
            try await withHelperPool(2) { pool async throws in
                // Both workers are there, so the stream goes to the first and the long task to the second.
                try await eventually { pool.statistics.workers.allSatisfy { $0.processID != nil } }
                var iterator = pool.stream(Counting(count: 1_000_000), window: 4).makeAsyncIterator()
                #expect(try await iterator.next() == 0)
                let long = Task { try await pool.run(WaitForFile(path: "\(folder)/go")) }
                try await Task.sleep(for: .milliseconds(50))
                let short = Task { try await pool.run(Square(value: 5), until: .after(.seconds(60))) }
                try await Task.sleep(for: .milliseconds(50))
                try await Command("touch", "\(folder)/go").run()
                #expect(try await short.value == 25)
                #expect(try await long.value == 0)
                #expect(try await iterator.next() == 1)
            }
        }
    }

    @Test func elementsOfSeveralTasksInsideTheWorker() async throws {
        try await withHelperPool { pool async throws in
            var found: Set<Int> = []
            for try await number in pool.stream(CountingTogether(count: 400), window: 8) {
                #expect(found.insert(number).inserted)
            }
            #expect(found == Set(0..<400))
        }
    }

    @Test func failureComesAfterTheElements() async throws {
        try await withHelperPool { pool async throws in
            for (end, code) in [(Counting.End.fault, IPCError.Code.notFound), (.crash, .workerCrashed)] {
                var found: [Int] = []
                let error = await thrown {
                    for try await number in pool.stream(Counting(count: 50, end: end)) { found.append(number) }
                }
                #expect((error as? IPCError)?.code == code)
                // Though it may be tried again: what has been emitted cannot be taken back.
                #expect(found == Array(0..<found.count))
                if end == .fault { #expect(found.count == 50) }
            }
            #expect(try await pool.run(Square(value: 2)) == 4)
        }
    }

    @Test func deadlineEndsAStream() async throws {
        try await withHelperPool(1) { pool async throws in
            let stream = pool.stream(Counting(count: 3, end: .hang), until: .after(.milliseconds(300)))
            let error = await thrown { for try await _ in stream {} } as? IPCError
            #expect(error?.code == .timedOut)
            #expect(try await pool.run(Square(value: 4)) == 16)
        }
    }

    // MARK: Input over time

    @Test(arguments: [ResultOrder.asGiven, .asCompleted])
    func asynchronousInput(_ order: ResultOrder) async throws {
        try await withHelperPool { pool async throws in
            let (input, continuation) = AsyncStream<Square>.makeStream()
            let feeder = Task {
                for value in 0..<300 {
                    continuation.yield(Square(value: value))
                    if value % 100 == 0 { try? await Task.sleep(for: .milliseconds(5)) }
                }
                continuation.finish()
            }
            var values: [Int] = []
            for try await value in pool.map(input, order: order) { values.append(value) }
            await feeder.value
            let expected = (0..<300).map { $0 * $0 }
            #expect((order == .asGiven ? values : values.sorted()) == expected)
        }
    }

    /// An output comes as soon as it is there, while the input waits.
    @Test func outputsDoNotWaitForTheInput() async throws {
        try await withHelperPool { pool async throws in
            let (input, continuation) = AsyncStream<Square>.makeStream()
            continuation.yield(Square(value: 3))
            var outcomes = pool.outcomes(of: input).makeAsyncIterator()
            #expect(try await outcomes.next()?.result.get() == 9)
            continuation.yield(Square(value: 5))
            #expect(try await outcomes.next()?.result.get() == 25)
            continuation.finish()
            #expect(try await outcomes.next() == nil)
        }
    }

    @Test func asynchronousInputIsReadAsNeeded() async throws {
        var options = WorkerPoolOptions.helper
        options.lookAhead = 10
        try await withHelperPool(options: options) { pool async throws in
            let counter = Counter()
            let input = AsyncStream<Square> { Square(value: counter.next()) }
            var taken = 0
            for try await value in pool.map(input) {
                #expect(value == taken * taken)
                taken += 1
                if taken == 100 { break }
            }
            #expect(counter.value <= 111)
            #expect(try await pool.run(Square(value: 5)) == 25)
        }
    }

    @Test func whatTheInputThrowsComesAfterWhatCameBefore() async throws {
        try await withHelperPool { pool async throws in
            let input = AsyncThrowingStream<Square, any Error> { continuation in
                for value in 0..<20 { continuation.yield(Square(value: value)) }
                continuation.finish(throwing: PlainFault())
            }
            var count = 0
            let error = await thrown { for try await _ in pool.map(input) { count += 1 } }
            #expect(error is PlainFault)
            #expect(count == 20)
        }
    }

    @Test func cancelledMapOverAsynchronousInput() async throws {
        try await withHelperPool { pool async throws in
            let (input, continuation) = AsyncStream<Square>.makeStream()
            continuation.yield(Square(value: 1))
            let caller = Task { for try await _ in pool.map(input) {} }
            try await eventually { pool.statistics.finished == 1 }
            caller.cancel()
            #expect(await code { try await caller.value } == .cancelled)
            continuation.finish()
        }
    }

    /// The reader of an input that takes no notice of cancellation hands in nothing for a loop that was left.
    @Test func nothingIsHandedInOnceTheLoopIsLeft() async throws {
        try await withHelperPool(1) { pool async throws in
            let input = DeafInput(gate: Counter(), reads: Counter())
            for try await value in pool.map(input) {
                #expect(value == 0)
                break
            }
            let before = pool.statistics.submitted
            _ = input.gate.next()
            try await eventually { input.reads.value >= 2 }
            try await Task.sleep(for: .milliseconds(100))
            #expect(pool.statistics.submitted == before)
        }
    }
}

/// One task, and the others when the gate is open, whatever happens to whoever reads.
private struct DeafInput: AsyncSequence, AsyncIteratorProtocol, Sendable {
    typealias Element = Square

    let gate: Counter
    let reads: Counter

    func makeAsyncIterator() -> DeafInput { self }

    mutating func next() async -> Square? {
        if reads.value > 0 {
            while gate.value == 0 { await Task { try? await Task.sleep(for: .milliseconds(10)) }.value }
        }
        let number = reads.next()
        return number < 20 ? Square(value: number) : nil
    }
}
