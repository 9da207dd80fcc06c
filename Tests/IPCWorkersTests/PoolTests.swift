import IPCWorkers
import TestSupport
import Testing

@Suite(.watched) struct PoolTests {
    @Test func runGivesTheOutput() async throws {
        try await withHelperPool { pool async throws in
            #expect(try await pool.run(Square(value: 12)) == 144)
        }
    }

    @Test func mapKeepsTheOrder() async throws {
        try await withHelperPool { pool async throws in
            // The first ones take longest, so they complete last.
            let tasks = (0..<20).map { Nap(milliseconds: 20 - $0, value: $0) }
            var values: [Int] = []
            for try await value in pool.map(tasks) { values.append(value) }
            #expect(values == Array(0..<20))
        }
    }

    /// The first task ends when all others have: they must neither wait behind it nor be given out after it.
    @Test func mapAsCompletedGivesTheFastFirst() async throws {
        try await withTemporaryDirectory { folder async throws in
            try await withHelperPool { pool async throws in
                let file = "\(folder)/go"
                let tasks = (0...10).map { WaitForFile(path: $0 == 0 ? file : "/", value: $0) }
                var values: [Int] = []
                for try await value in pool.map(tasks, order: .asCompleted) {
                    values.append(value)
                    if values.count == 10 { try await Command("touch", file).run() }
                }
                #expect(values.sorted() == Array(0...10))
                #expect(values.last == 0)
            }
        }
    }

    @Test func tenThousandNoops() async throws {
        try await withHelperPool { pool async throws in
            let count = try await pool.map(repeatElement(Noop(), count: 10_000)).reduce(0, +)
            #expect(count == 10_000)
        }
    }

    @Test func endlessInputIsReadAsNeeded() async throws {
        final class Taken { var value = 0 }
        let counter = Taken()
        var options = WorkerPoolOptions.helper
        options.lookAhead = 50
        try await withHelperPool(options: options) { pool async throws in
            let endless = sequence(state: 0) { (state: inout Int) -> Square? in
                counter.value += 1
                state += 1
                return Square(value: state)
            }
            var taken = 0
            for try await value in pool.map(endless) {
                taken += 1
                #expect(value == taken * taken)
                if taken == 1000 { break }
            }
            #expect(counter.value <= 1050)
            // What was left behind does not disturb what comes.
            #expect(try await pool.run(Square(value: 5)) == 25)
        }
    }

    @Test func manyCallersShareThePool() async throws {
        try await withHelperPool(3) { pool async throws in
            await withTaskGroup(of: Void.self) { group in
                for base in 0..<8 {
                    group.addTask {
                        for offset in 0..<50 {
                            let value = base * 1000 + offset
                            let square = try? await pool.run(Square(value: value))
                            #expect(square == value * value)
                        }
                    }
                }
            }
        }
    }

    @Test func emptyInput() async throws {
        try await withHelperPool { pool async throws in
            #expect(try await pool.map([Noop]()).reduce(0, +) == 0)
        }
    }

    @Test func largeArgumentsAndOutputs() async throws {
        try await withHelperPool { pool async throws in
            let sizes = [0, 1, 65_000, 65_536, 70_000, 3 << 20]
            let tasks = sizes.map { Echo(bytes: (0..<$0).map { UInt8(truncatingIfNeeded: $0 &* 31) }) }
            var index = 0
            for try await bytes in pool.map(tasks) {
                #expect(bytes == tasks[index].bytes)
                index += 1
            }
            #expect(index == sizes.count)
        }
    }

    /// Short tasks open the window wide; then one comes that does not end before those behind it have: they were on their
    /// way to the same worker, and must go to the other one.
    @Test func tasksBehindALongOneAreHandedBack() async throws {
        try await withTemporaryDirectory { folder async throws in
            try await withHelperPool { pool async throws in
                let file = "\(folder)/go"
                let tasks = (0..<2400).map { WaitForFile(path: $0 == 2000 ? file : "/", value: $0) }
                var values: [Int] = []
                for try await value in pool.map(tasks, order: .asCompleted) {
                    values.append(value)
                    if values.count == 2399 { try await Command("touch", file).run() }
                }
                #expect(values.last == 2000)
                #expect(values.sorted() == Array(0..<2400))
            }
        }
    }

    /// Answers that were ready do not wait for a long task that was started behind them.
    @Test func answersAreNotHeldBack() async throws {
        try await withHelperPool(1) { pool async throws in
            let tasks = (0..<500).map { Burn(milliseconds: 0, value: $0) } + [Burn(milliseconds: 600_000, value: -1)]
            var values: [Int] = []
            for try await value in pool.map(tasks) {
                values.append(value)
                if values.count == 500 { break }
            }
            #expect(values == Array(0..<500))
        }
    }

    @Test func typeThatIsNotServed() async throws {
        try await withHelperPool { pool async throws in
            let error = await thrown { try await pool.run(NotServed()) } as? IPCError
            #expect(error?.code == .invalidArgument)
            #expect(error?.object == "NotServed")
        }
    }

    @Test func workersHaveNothingButTheirChannel() async throws {
        try await withHelperPool { pool async throws in
            #expect(try await pool.run(Leftovers()) == [])
        }
    }

    @Test func thePoolIsOverAfterItsScope() async throws {
        let pool = try await withHelperPool { $0 }
        let error = await code { try await pool.run(Noop()) }
        #expect(error == .closed)
    }
}
