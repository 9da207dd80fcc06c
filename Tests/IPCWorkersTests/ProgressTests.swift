import TestSupport
import Testing

@testable import IPCWorkers

/// How far tasks are, and how that is shown.
@Suite(.watched) struct ProgressTests {
    @Test func mapTellsHowFarItIs() async throws {
        try await withHelperPool { pool async throws in
            let progress = WorkerProgress(total: 20)
            let watcher = Task {
                var states: [WorkerProgress.State] = []
                for await state in progress.updates { states.append(state) }
                return states
            }
            let tasks = (0..<20).map { ThrowOne(kind: $0 % 5 == 0 ? .plain : .unlisted) }
            for try await _ in pool.outcomes(of: tasks, progress: progress) {}
            progress.finish()
            let states = await watcher.value
            #expect(states.last?.completed == 20 && states.last?.failed == 20)
            #expect(states.last?.fraction == 1)
            #expect(zip(states, states.dropFirst()).allSatisfy { $0.completed <= $1.completed })
        }
    }

    @Test func taskTellsHowFarItIs() async throws {
        try await withTemporaryDirectory { folder async throws in
            try await withHelperPool { pool async throws in
                let progress = WorkerProgress(total: 1)
                let caller = Task {
                    // Where the task fails, nobody waits for its progress for ever.
                    defer { progress.finish() }
                    return try await pool.run(Reporting(path: "\(folder)/go"), progress: progress)
                }
                for await state in progress.updates where state.note == "a quarter" {
                    #expect(state.fraction == 0.25 && state.completed == 0)
                    break
                }
                try await Command("touch", "\(folder)/go").run()
                #expect(try await caller.value == 7)
                #expect(progress.current.completed == 1 && progress.current.fraction == 1)
            }
        }
    }

    @Test func progressEndsForWhoIsCancelled() async {
        let progress = WorkerProgress()
        let watcher = Task { for await _ in progress.updates {} }
        watcher.cancel()
        await watcher.value
    }

    @Test func whoHasWatchedIsForgotten() async {
        let progress = WorkerProgress()
        for _ in 0..<50 {
            var states = progress.updates.makeAsyncIterator()
            _ = await states.next()
            #expect(progress.watcherCount == 1)
        }
        #expect(progress.watcherCount == 0)
    }

    private func state(_ completed: Int, of total: Int?, failed: Int = 0, note: String = "") -> WorkerProgress.State {
        var state = WorkerProgress.State()
        state.completed = completed
        state.total = total
        state.failed = failed
        state.note = note
        return state
    }

    @Test func barOnATerminal() {
        var bar = ProgressBar(unit: "files", width: 80, style: .terminalOnly)
        #expect(bar.draw(state(5, of: 20), at: 0) == "\r\u{1b}[K[#####---------------] 5 of 20 files, 25 %")
        // A quarter in ten seconds; what a task says cannot drive the terminal.
        let text = bar.draw(state(5, of: 20, failed: 2, note: "x\u{1b}[2J\n"), at: 10_000_000_000)
        #expect(text == "\r\u{1b}[K[#####---------------] 5 of 20 files, 2 failed, 25 %  30 s left  x[2J")
        #expect(bar.end() == "\r\u{1b}[K")
        var narrow = ProgressBar(unit: "files", width: 20, style: .terminalOnly)
        #expect(narrow.draw(state(5, of: 20), at: 0).count == 4 - 1 + 19 + 1)
    }

    @Test func barInAPipe() {
        var silent = ProgressBar(unit: "files", width: nil, style: .terminalOnly)
        #expect(silent.draw(state(5, of: 20), at: 0) == "" && silent.end() == "")
        var lines = ProgressBar(unit: "files", width: nil, style: .linesElsewhere)
        #expect(lines.draw(state(5, of: 1000), at: 0) == "5 of 1000 files, 0 %\n")
        #expect(lines.draw(state(6, of: 1000), at: 0) == "")
        #expect(lines.draw(state(10, of: 1000), at: 0) == "10 of 1000 files, 1 %\n")
        var unknown = ProgressBar(unit: "files", width: nil, style: .linesElsewhere)
        #expect(unknown.draw(state(5, of: nil), at: 0) == "5 files\n")
        #expect(unknown.draw(state(6, of: nil), at: 999_999_999) == "")
        #expect(unknown.draw(state(7, of: nil), at: 1_000_000_000) == "7 files\n")
    }

    @Test func progressOnTheWire() throws {
        let progress = TaskProgress(fraction: 0.5, note: "half")
        let bytes = progress.bytes
        #expect(unsafe TaskProgress(bytes.span.bytes) == progress)
        #expect(TaskProgress(fraction: .nan, note: "").fraction == 0)
        #expect(TaskProgress(fraction: 7, note: String(repeating: "x", count: 9999)).note.count == 512)
        let short: [UInt8] = [1, 2, 3]
        #expect(unsafe TaskProgress(short.span.bytes) == nil)
    }
}
