import IPCSystem

/// Where a streaming task's items leave, one after another, against the credit that the caller gives.
final class ItemOutlet: Sendable {
    private let service: WorkerService
    private let id: UInt64
    /// A task may emit from several of its own at once.
    private let turn = TaskLock()
    /// Where it waits for credit.
    let point = WaitEngine.shared.makeWaitPoint()

    init(_ service: WorkerService, _ id: UInt64) {
        self.service = service
        self.id = id
    }

    func emit<Element: Encodable>(_ element: Element) async throws(IPCError) {
        try await turn.acquire(until: .never, "emit")
        do throws(IPCError) {
            let number = try await service.awaitCredit(id, point)
            var body = MessageBuffer()
            body.append(littleEndian: number)
            try BinaryCodec.encode(element, into: &body)
            try await service.answerItem(id, body.bytes)
        } catch {
            _ = turn.release()
            throw error
        }
        _ = turn.release()
    }
}
