import IPCWorkers
import TestSupport
import Testing

/// A pass over the outcomes of many tasks that has failed is over: nothing comes after its error, also not what was on its way.
@Suite(.watched) struct PassTests {
    /// A task that cannot be encoded.
    private struct Broken: SharedTask {
        var isWell: Bool

        func encode(to encoder: any Encoder) throws {
            guard isWell else { throw IPCError(.encodingFailed, "on purpose") }
            var container = encoder.singleValueContainer()
            try container.encode(isWell)
        }

        init(isWell: Bool) { self.isWell = isWell }

        init(from decoder: any Decoder) throws { isWell = try decoder.singleValueContainer().decode(Bool.self) }

        func run(in context: WorkerContext) async throws -> Int { 1 }
    }

    private func stream(_ tasks: [Broken]) -> AsyncStream<Broken> {
        AsyncStream { sink in
            for task in tasks { sink.yield(task) }
            sink.finish()
        }
    }

    @Test func nothingComesAfterAFailure() async throws {
        let tasks = (0..<40).map { Broken(isWell: $0 != 20) }
        var options = WorkerPoolOptions.helper
        // So that some are on their way when it fails.
        options.lookAhead = 4
        try await withHelperPool(1, options: options) { pool async throws in
            var outcomes = pool.outcomes(of: tasks).makeAsyncIterator()
            #expect(await code { while try await outcomes.next() != nil {} } == .encodingFailed)
            for _ in 0..<3 { #expect(try await outcomes.next() == nil) }
            var others = pool.outcomes(of: stream(tasks)).makeAsyncIterator()
            #expect(await code { while try await others.next() != nil {} } == .encodingFailed)
            for _ in 0..<3 { #expect(try await others.next() == nil) }
        }
    }

    @Test func nothingComesAfterTheEnd() async throws {
        try await withHelperPool(1) { pool async throws in
            var outcomes = pool.outcomes(of: [Noop(), Noop()]).makeAsyncIterator()
            for index in 0..<2 { #expect(try await outcomes.next()?.index == index) }
            for _ in 0..<3 { #expect(try await outcomes.next() == nil) }
        }
    }
}
