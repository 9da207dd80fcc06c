import Synchronization
import TestSupport
import Testing

@testable import IPCCore

@Suite(.watched) struct TimerHeapTests {
    private let engine = WaitEngine(workerCount: 1, spins: false)
    private static let far: UInt64 = 1 << 60

    @Test func pointsOfWaitsThatEndedDoNotPileUp() {
        let heap = TimerHeap()
        for round in 0..<20_000 {
            _ = heap.arm(engine.makeWaitPoint(), at: Self.far + UInt64(round))
            heap.sweep(isQuiet: false)
        }
        #expect(heap.count <= TimerHeap.fewEntries + 1)
        heap.sweep(isQuiet: true)
        #expect(heap.count == 0)
        #expect(heap.earliest.load(ordering: .relaxed) == .max)
    }

    @Test func pointsThatSomebodyRefersToStay() {
        let heap = TimerHeap()
        let points = (0..<1000).map { _ in engine.makeWaitPoint() }
        for (index, point) in points.enumerated() {
            _ = heap.arm(point, at: UInt64(2000 - index))
            _ = heap.arm(engine.makeWaitPoint(), at: UInt64(index + 1))
        }
        heap.sweep(isQuiet: false)
        #expect(heap.count == points.count)
        #expect(heap.takeDue(1000).isEmpty)
        for (index, point) in points.enumerated().reversed() {
            let due = heap.takeDue(UInt64(2000 - index))
            #expect(due.count == 1 && due.first === point)
        }
    }

    @Test func oneEntryForAPointWhoseDeadlinesAlternate() {
        let heap = TimerHeap()
        let point = engine.makeWaitPoint()
        for near in 1...1000 as ClosedRange<UInt64> {
            _ = heap.arm(point, at: Self.far)
            #expect(heap.arm(point, at: near))
            let due = heap.takeDue(near)
            #expect(due.count == 1 && due.first === point)
        }
        _ = heap.arm(point, at: Self.far)
        #expect(heap.count == 1)
    }

    /// Against a plain list of the deadlines.
    @Test(arguments: 0..<20 as Range<UInt64>) func pointsFireWhenTheyAreDue(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        let heap = TimerHeap()
        let points = (0..<100).map { _ in engine.makeWaitPoint() }
        var deadlines = [UInt64](repeating: .max, count: points.count)
        var now: UInt64 = 0
        for _ in 0..<2000 {
            let index = Int.random(in: points.indices, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                // The wait ended in time.
                deadlines[index] = .max
                points[index].deadline.store(.max, ordering: .relaxed)
            case 1:
                now += UInt64.random(in: 0..<50, using: &random)
                let due = Set(heap.takeDue(now).map(ObjectIdentifier.init))
                let expected = points.indices.filter { deadlines[$0] <= now }
                #expect(due == Set(expected.map { ObjectIdentifier(points[$0]) }))
                for index in expected {
                    deadlines[index] = .max
                    points[index].deadline.store(.max, ordering: .relaxed)
                }
            default:
                deadlines[index] = now + UInt64.random(in: 1..<1000, using: &random)
                _ = heap.arm(points[index], at: deadlines[index])
            }
            if Int.random(in: 0..<100, using: &random) == 0 { heap.sweep(isQuiet: true) }
            #expect(heap.count <= points.count)
        }
    }
}
