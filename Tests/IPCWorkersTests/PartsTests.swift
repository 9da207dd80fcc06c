import IPCSystem
import TestSupport
import Testing

@testable import IPCWorkers

@Suite(.watched) struct PartsTests {
    private func deliver(_ indices: [Int], to session: MapSession) {
        session.deliver(indices.map { ($0, .value(TaskBytes([UInt8($0)]))) })
    }

    @Test func sessionInOrder() {
        let session = MapSession(isOrdered: true)
        deliver([2, 1], to: session)
        #expect(session.take().isEmpty)
        deliver([0], to: session)
        #expect(session.take().map(\.index) == [0, 1, 2])
        deliver([3, 5], to: session)
        #expect(session.take().map(\.index) == [3])
        deliver([4, 6], to: session)
        #expect(session.take().map(\.index) == [4, 5, 6])
    }

    @Test func limitsOfTasksAndOfTheirTypes() {
        let jobs: [any WorkerJob] = [LimitedTask(seconds: nil), LimitedTask(seconds: 3), LimitedType()]
        #expect(jobs.map(\.timeLimit) == [nil, .seconds(3), .seconds(7)])
    }

    @Test func countsOfWorkers() {
        #expect((3 as WorkerCount) == .exactly(3) && (3 as WorkerCount).resolved == 3)
        #expect((0 as WorkerCount).resolved == 1 && WorkerCount.coreCount.resolved >= 1)
    }

    @Test func sessionAsCompleted() {
        let session = MapSession(isOrdered: false)
        deliver([2, 1], to: session)
        deliver([0], to: session)
        #expect(session.take().map(\.index) == [2, 1, 0])
    }

    @Test func restartsAreCountedInAnInterval() {
        var tally = RestartTally(.init(count: 2, in: .seconds(10)))
        let start = ContinuousClock.now
        let answers = [0, 1, 2, 11].map { tally.permits(at: start + .seconds($0)) }
        #expect(answers == [true, true, false, true])
    }

    @Test func namesOfTypes() {
        #expect(TypeNames.name(of: Int.self) == "Swift.Int")
        struct Local {}
        let name = TypeNames.name(of: [Local].self)
        #expect(name.contains("Local") && !name.contains("$"))
    }

    @Test func journalTellsWhatWasDone() throws {
        let journal = try Journal()
        let file = try #require(try journal.duplicate().take())
        let number = OwnedDescriptor(owning: file)
        let writer = try JournalWriter(number.number)
        #expect(journal.read().running == nil)
        let body: [UInt8] = [1, 2, 3]
        writer.noteRunning(7, since: 1)
        unsafe writer.append(.reply, id: 7, body.span.bytes, toHalf: 0, at: 0)
        writer.noteRunning(8, since: 2)
        let remains = journal.read()
        #expect(remains.running == 8)
        var found: [UInt64] = []
        let message = try #require(remains.messages.first)
        try unsafe CallWire.forEachFrame(of: message.span.bytes) { (header, bytes) throws(IPCError) in
            found.append(header.id)
            #expect([UInt8](bytes) == body)
        }
        #expect(found == [7])
        writer.clear(half: 0)
        #expect(journal.read().messages.isEmpty)
    }

    /// A worker that went wild may leave anything in its journal.
    @Test func journalOfNonsense() throws {
        let journal = try Journal()
        let file = try #require(try journal.duplicate().take())
        let number = OwnedDescriptor(owning: file)
        let memory = try MappedMemory(number.number, byteCount: JournalLayout.fileSize)
        for _ in 0..<200 {
            for index in 0..<200 { memory.bytes.store(UInt8.random(in: 0...255), at: index) }
            if Bool.random() { memory.bytes.store(UInt64.random(in: 0...70_000), at: 8) }
            for message in journal.read().messages {
                #expect(message.count <= JournalLayout.halfSize)
                try? unsafe CallWire.forEachFrame(of: message.span.bytes) { (_, _) throws(IPCError) in }
            }
        }
    }
}

private struct LimitedTask: WorkerTask {
    var seconds: Int?
    var timeLimit: Duration? { seconds.map { .seconds($0) } }
    func run(in context: WorkerContext) async throws -> Int { 0 }
}

private struct LimitedType: WorkerTask {
    static var timeLimit: Duration? { .seconds(7) }
    func run(in context: WorkerContext) async throws -> Int { 0 }
}
