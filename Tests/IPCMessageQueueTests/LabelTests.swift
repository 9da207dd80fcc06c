import IPCMessageQueue
import TestSupport
import Testing

@Suite(.watched) struct LabelTests {
    @Test func labelsHaveTheDefaultsOfEveryQueue() {
        var message = QueueMessage(payload: 7)
        #expect(message.priority == 0 && message.type == 1 && message.label == .standard)
        message.priority = 9
        message.type = 3
        #expect(message.label == QueueLabel(priority: 9, type: 3))
        #expect(message == QueueMessage(payload: 7, priority: 9, type: 3))
    }

    @Test func selectionsMatchTypes() {
        let types = Array(1...5)
        #expect(types.filter(QueueSelection.any.matches) == types)
        #expect(types.filter(QueueSelection.only(3).matches) == [3])
        #expect(types.filter(QueueSelection.lowest(upTo: 3).matches) == [1, 2, 3])
        #expect(types.filter(QueueSelection.anyExcept(3).matches) == [1, 2, 4, 5])
    }

    @Test func keysAreNumbersOrFiles() throws {
        #expect(try SystemVQueueKey(0x1F).description == "0x0000001f")
        #expect(try SystemVQueueKey(-1).description == "0xffffffff")
        #expect(try SystemVQueueKey(path: "/", project: 7) == SystemVQueueKey(path: "/", project: 7))
        #expect(try SystemVQueueKey(path: "/", project: 7) != SystemVQueueKey(path: "/", project: 8))
        #expect(throws: IPCError.self) { try SystemVQueueKey(0) }
        #expect(throws: IPCError.self) { try SystemVQueueKey(path: "/", project: 0) }
        let missing = #expect(throws: IPCError.self) { try SystemVQueueKey(path: "/nothing/here") }
        #expect(missing?.code == .notFound)
    }
}
