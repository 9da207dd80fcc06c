import CBaselines
import Distributed
import IPCDistributed

/// A request that is answered with its own bytes.
private struct EchoRequest: CallRequest {
    typealias Reply = [UInt8]
    static var callName: String { "echo" }
    static var isIdempotent: Bool { true }
    var bytes: [UInt8]
}

/// An actor that answers with the bytes that it is given. Not private: other processes know no name of such a one.
distributed actor EchoActor {
    typealias ActorSystem = IPCActorSystem

    distributed func echo(_ bytes: [UInt8]) -> [UInt8] { bytes }
}

/// Requests and replies, or calls of a distributed actor, one at a time over a socket channel.
struct CallWork {
    let channel: SocketChannel
    let assignment: ProcessAssignment

    /// Asks or answers until the time is over.
    func perform() async -> cbase_report {
        do {
            switch (assignment.job.work, assignment.side) {
            case (.actor, .initiator): return try await callActor()
            case (.actor, .peer): return try await haveActor()
            case (_, .initiator): return try await call()
            case (_, .peer): return try await answer()
            }
        } catch {
            var report = cbase_report()
            unsafe cbase_report_fail(&report, "\(error)", 0)
            return report
        }
    }

    private func call() async throws -> cbase_report {
        let connection = try CallConnection(over: channel)
        try await connection.waitUntilReady()
        let (window, log) = await trips { bytes in try await connection.call(EchoRequest(bytes: bytes)) }
        await connection.finish()
        return TimeLog.report(of: [log], in: window)
    }

    private func answer() async throws -> cbase_report {
        let connection = try CallConnection(over: channel) { handlers in
            handlers.on(EchoRequest.self, isShort: true) { request, _ in request.bytes }
        }
        try await connection.waitUntilEnd()
        return cbase_report()
    }

    private func callActor() async throws -> cbase_report {
        let system = IPCActorSystem()
        let peer = try await system.connect(over: channel)
        var echo: EchoActor?
        // The other side checks in as soon as it is connected, which may be a moment later.
        for try await listing in try system.listing(of: EchoActor.self, at: peer) {
            if case .arrived(_, let actor) = listing { echo = actor }
            break
        }
        guard let echo else { throw BenchmarkFailure("the actor is not there") }
        let (window, log) = await trips { bytes in try await echo.echo(bytes) }
        system.close()
        return TimeLog.report(of: [log], in: window)
    }

    private func haveActor() async throws -> cbase_report {
        let system = IPCActorSystem()
        let events = system.events
        try system.checkIn(EchoActor(actorSystem: system), as: "echo")
        try await system.connect(over: channel)
        for await event in events {
            if case .lost = event { break }
        }
        return cbase_report()
    }

    private func trips(_ exchange: ([UInt8]) async throws -> [UInt8]) async -> (TimeWindow, TimeLog) {
        let window = TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: assignment.nanoseconds)
        var trips = Trips(bytes: assignment.job.bytes, window: window)
        do {
            while trips.goesOn {
                trips.start()
                let answer = try await exchange(trips.outgoing)
                trips.end(unsafe trips.isExpected(answer.span.bytes))
            }
        } catch {
            trips.note("\(error)")
        }
        return (window, trips.log)
    }
}
