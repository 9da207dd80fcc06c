import TestSupport
import Testing

@testable import IPCWorkers

/// The rules of a worker's desk, without a process.
@Suite(.watched) struct WorkerDeskTests {
    private func request(_ id: UInt64) -> WorkerDesk.Request {
        WorkerDesk.Request(id: id, method: 0, deadline: .never, bytes: TaskBytes([]))
    }

    private func text(_ next: WorkerDesk.Next) -> String {
        switch next {
        case .run(let request): "run \(request.id)"
        case .refuse(let request): "refuse \(request.id)"
        case .flush: "flush"
        case .read: "read"
        case .sleep: "sleep"
        case .end: "end"
        }
    }

    @Test func answersLeaveWhenTheInputIsDry() {
        var desk = WorkerDesk()
        desk.arrived(request(1))
        desk.arrived(request(2))
        for id in 1...2 {
            #expect(text(desk.next(at: 0)) == "run \(id)")
            #expect(desk.reserve(100, at: 0) != nil)
            #expect(desk.finished() == false)
        }
        #expect(text(desk.next(at: 0)) == "flush")
        guard case .send(let half, let count) = desk.beginSending() else {
            Issue.record("nothing to send")
            return
        }
        #expect(half == 0 && count == 200)
        _ = desk.endSending(sent: true)
        #expect(text(desk.next(at: 0)) == "read")
    }

    @Test func answersLeaveWhenTheyAreOldOrMany() {
        var desk = WorkerDesk()
        for id in 1...UInt64(WorkerDesk.batchLimit) + 2 { desk.arrived(request(id)) }
        #expect(text(desk.next(at: 0)) == "run 1")
        _ = desk.reserve(10, at: 1000)
        _ = desk.finished()
        #expect(text(desk.next(at: 1000 + WorkerDesk.holdLimit)) == "flush")
        #expect(text(desk.next(at: 999 + WorkerDesk.holdLimit)) == "run 2")
        _ = desk.finished()
        for _ in 0..<WorkerDesk.batchLimit { _ = desk.reserve(10, at: 1000) }
        #expect(text(desk.next(at: 1000)) == "flush")
    }

    @Test func fullHalfMustBeSentFirst() {
        var desk = WorkerDesk()
        #expect(desk.reserve(JournalLayout.halfSize, at: 0) != nil)
        #expect(desk.reserve(1, at: 0) == nil)
        #expect(desk.reserve(JournalLayout.halfSize + 1, at: 0) == nil)
        guard case .send(0, JournalLayout.halfSize) = desk.beginSending() else {
            Issue.record("the full half is not sent")
            return
        }
        // While it is being sent, the other half takes answers, and the two are never sent at once.
        #expect(desk.reserve(5, at: 0)?.half == 1)
        guard case .busy = desk.beginSending() else {
            Issue.record("two send at once")
            return
        }
        _ = desk.endSending(sent: false)
        guard case .send(0, _) = desk.beginSending() else {
            Issue.record("what could not be sent is forgotten")
            return
        }
        _ = desk.endSending(sent: true)
        guard case .send(1, 5) = desk.beginSending() else {
            Issue.record("the other half is forgotten")
            return
        }
    }

    @Test func sealedHalfIsSentEvenIfNothingWasAdded() {
        var desk = WorkerDesk()
        _ = desk.reserve(5, at: 0)
        _ = desk.beginSending()
        _ = desk.endSending(sent: false)
        #expect(text(desk.next(at: 0)) == "flush")
    }

    @Test func oneReadsAtATime() {
        var desk = WorkerDesk()
        #expect(desk.guardianMayRead() == false)
        desk.arrived(request(1))
        _ = desk.next(at: 0)
        #expect(desk.guardianMayRead() == true)
        _ = desk.finished()
        #expect(text(desk.next(at: 0)) == "sleep")
        _ = desk.didRead()
        #expect(text(desk.next(at: 0)) == "read")
    }

    @Test func cancelledBeforeItStarts() {
        var desk = WorkerDesk()
        desk.arrived(request(1))
        desk.arrived(request(2))
        _ = desk.cancel(1)
        #expect(text(desk.next(at: 0)) == "refuse 1")
        #expect(text(desk.next(at: 0)) == "run 2")
        #expect(desk.finished() == false)
    }

    @Test func cancelledWhileItRuns() {
        var desk = WorkerDesk()
        desk.arrived(request(1))
        _ = desk.next(at: 0)
        _ = desk.cancel(1)
        // The runner's handle came later: it is told then.
        let runner = Task { WorkerService.RunnerEnd.cancelled }
        #expect(desk.setRunner(runner) == true)
        #expect(desk.finished() == true)
        // The next one is not concerned.
        desk.arrived(request(2))
        _ = desk.next(at: 0)
        #expect(desk.finished() == false)
        #expect(desk.cancel(77) == nil)
    }

    @Test func theEndDropsWhatWaitsAndSendsWhatIsDone() {
        var desk = WorkerDesk()
        desk.arrived(request(1))
        _ = desk.next(at: 0)
        desk.arrived(request(2))
        _ = desk.inputEnded()
        _ = desk.reserve(5, at: 0)
        #expect(desk.finished() == true)
        #expect(text(desk.next(at: 0)) == "flush")
        _ = desk.beginSending()
        _ = desk.endSending(sent: true)
        #expect(text(desk.next(at: 0)) == "end")
    }

    @Test func whatWaitsBehindALongTaskCanBeTaken() {
        var desk = WorkerDesk()
        for id in 1...3 as ClosedRange<UInt64> { desk.arrived(request(id)) }
        _ = desk.next(at: 0)
        #expect(desk.takeUnstarted().map(\.id) == [2, 3])
        _ = desk.finished()
        #expect(text(desk.next(at: 0)) == "read")
    }
}
