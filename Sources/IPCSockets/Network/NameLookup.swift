import IPCCore
import IPCSystem
import Synchronization

/// Looks names up with getaddrinfo(3), which can only block and cannot be told to stop: each lookup has a thread of ours.
///
/// A task that gives up leaves; its thread ends when the resolver has answered. So there is a limit to them.
final class NameLookup: Sendable {
    static let shared = NameLookup(limit: 32) { host throws(SystemCallError) in try NetworkCalls.resolve(host) }

    private final class Ticket: Sendable {
        let point: WaitPoint
        let answer = Lock<Result<[IPBytes], SystemCallError>?>(nil)

        init(_ point: WaitPoint) { self.point = point }
    }

    private let limit: Int
    private let running = Atomic<Int>(0)
    private let resolve: @Sendable (String) throws(SystemCallError) -> [IPBytes]

    init(limit: Int, _ resolve: @escaping @Sendable (String) throws(SystemCallError) -> [IPBytes]) {
        self.limit = limit
        self.resolve = resolve
    }

    /// The addresses of a host, those of both versions in turn, so that one that leads nowhere costs one attempt.
    ///
    /// - Throws: `.notFound` when there is no such host; `.unreachable` when the name server does not answer;
    ///   `.resourceExhausted` when so many lookups are under way that no other may begin; `.timedOut`, `.cancelled`.
    func addresses(
        of host: String, _ doing: StaticString, until deadline: Deadline
    ) async throws(IPCError) -> [IPBytes] {
        if Task.isCancelled { throw .cancelled("\(doing)") }
        guard running.wrappingAdd(1, ordering: .relaxed).newValue <= limit else {
            running.wrappingSubtract(1, ordering: .relaxed)
            throw IPCError(
                .resourceExhausted, "\(doing): \(limit) names are being looked up already; wait for some", object: host)
        }
        let ticket = Ticket(WaitEngine.shared.makeWaitPoint())
        let resolve = resolve
        do throws(SystemCallError) {
            try SystemThread.start("ipc-names") {
                let answer: Result<[IPBytes], SystemCallError>
                do throws(SystemCallError) {
                    answer = .success(try resolve(host))
                } catch {
                    answer = .failure(error)
                }
                self.running.wrappingSubtract(1, ordering: .relaxed)
                ticket.answer.withLock { $0 = answer }
                ticket.point.signal()
            }
        } catch {
            running.wrappingSubtract(1, ordering: .relaxed)
            throw IPCError(error, "\(doing)", object: host)
        }
        while true {
            if let answer = ticket.answer.withLock({ $0 }) {
                switch answer {
                case .success(let found): return Self.alternating(found)
                case .failure(let error): throw Self.failure(error, doing, host)
                }
            }
            try await ticket.point.wait(until: deadline, doing)
        }
    }

    private static func failure(_ error: SystemCallError, _ doing: StaticString, _ host: String) -> IPCError {
        guard error.errno == Errno.notFound else { return IPCError(error, "\(doing)", object: host) }
        return IPCError(.notFound, "\(doing): no host has this name; check how it is written", object: host)
    }

    /// Both versions in turn, beginning with that of the first address; each address once.
    static func alternating(_ found: [IPBytes]) -> [IPBytes] {
        var seen: Set<IPBytes> = []
        let distinct = found.filter { seen.insert($0).inserted }
        guard let first = distinct.first else { return [] }
        var preferred = distinct.filter { $0.isIPv6 == first.isIPv6 }[...]
        var others = distinct.filter { $0.isIPv6 != first.isIPv6 }[...]
        var order: [IPBytes] = []
        while let next = preferred.popFirst() ?? others.popFirst() {
            order.append(next)
            if let other = others.popFirst() { order.append(other) }
        }
        return order
    }
}
