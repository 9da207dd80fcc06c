import Distributed
import IPCDistributed

/// Requests and replies between two processes: one by one, a stream of large items, and a death in the middle of a call.
struct CallStop: TourStop {
    let mechanism = "calls"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let (ours, theirs) = try SocketChannel.makePair()
        let child = try await Tour.startPeer(of: self, transferring: [theirs])
        return try await withPeer(child) { child in
            let connection = try CallConnection(over: ours)
            var result = TourResult()
            for round in 0..<1_000 {
                let bytes = Pattern.bytes(count: 64, seed: round)
                let start = ContinuousClock.now
                let answer = try await connection.call(TourCall(bytes: bytes), until: deadline)
                result.roundTrips.append(ContinuousClock.now - start)
                try require(answer == bytes.reversed(), "call \(round) gave something else")
                result.messagesChecked += 1
            }
            let (count, size) = (256, 65_536)
            let expected = Pattern.bytes(count: size, seed: 7)
            let start = ContinuousClock.now
            for try await item in try connection.stream(TourStream(count: count, size: size), until: deadline) {
                try require(item == expected, "an item of the stream is something else")
                result.messagesChecked += 1
            }
            result.streamTime = ContinuousClock.now - start
            result.byteCount = count * size
            result.deathNotice = try await Death.notice(of: child) { () -> CallError<Never>? in
                do throws(CallError<Never>) {
                    _ = try await connection.call(TourWait(), until: deadline)
                    return nil
                } catch {
                    return error
                }
            } expected: {
                $0?.error?.code == .peerClosed && $0?.progress == .unknown
            }
            return result
        }
    }

    func serve(_ arguments: [String]) async throws {
        let connection = try CallConnection(over: InheritedEndpoints.take(0, as: SocketChannel.self)) { handlers in
            handlers.on(TourCall.self, isShort: true) { request, _ in request.bytes.reversed() }
            handlers.on(TourStream.self) { request, items, _ in
                let item = Pattern.bytes(count: request.size, seed: 7)
                for _ in 0..<request.count { try await items.send(item) }
            }
            handlers.on(TourWait.self) { _, _ in try await Task.sleep(for: .seconds(60)) }
        }
        try await connection.waitUntilEnd()
    }
}

/// Calls of an actor in another process, which calls back through a reference.
struct ActorStop: TourStop {
    let mechanism = "distributed actors"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let (ours, theirs) = try SocketChannel.makePair()
        let child = try await Tour.startPeer(of: self, transferring: [theirs])
        return try await withPeer(child) { child in
            let system = IPCActorSystem()
            let peer = try await system.connect(over: ours, until: deadline)
            let guide = try await system.lookUp(TourGuide.self, named: "guide", at: peer, until: deadline)
            return try await withActorDeadline(deadline) { try await walk(with: guide, child, system) }
        }
    }

    private func walk(
        with guide: TourGuide, _ child: ChildProcess, _ system: IPCActorSystem
    ) async throws -> TourResult {
        var result = TourResult()
        for round in 0..<1_000 {
            let bytes = Pattern.bytes(count: 64, seed: round)
            let start = ContinuousClock.now
            let answer = try await guide.reverse(bytes)
            result.roundTrips.append(ContinuousClock.now - start)
            try require(answer == bytes.reversed(), "call \(round) gave something else")
            result.messagesChecked += 1
        }
        let tourist = Tourist(actorSystem: system)
        try await guide.wave(to: tourist)
        try require(try await tourist.waves == 1, "the actor did not call back")
        result.messagesChecked += 1
        let bytes = Pattern.bytes(count: 65_536, seed: 7)
        let expected = Array(bytes.reversed())
        let start = ContinuousClock.now
        for _ in 0..<64 {
            try require(try await guide.reverse(bytes) == expected, "a large call gave something else")
            result.messagesChecked += 1
        }
        result.streamTime = ContinuousClock.now - start
        result.byteCount = 64 * bytes.count
        result.deathNotice = try await Death.notice(of: child) { () -> ActorCallError? in
            do {
                try await guide.wait()
                return nil
            } catch {
                return error as? ActorCallError
            }
        } expected: {
            $0?.error.code == .peerClosed && $0?.progress == .unknown
        }
        return result
    }

    func serve(_ arguments: [String]) async throws {
        let system = IPCActorSystem()
        let events = system.events
        try system.checkIn(TourGuide(actorSystem: system), as: "guide")
        try await system.connect(over: InheritedEndpoints.take(0, as: SocketChannel.self))
        for await event in events {
            if case .lost = event { return }
        }
    }
}

/// Bytes there, the same backwards.
private struct TourCall: CallRequest {
    typealias Reply = [UInt8]
    static var callName: String { "reverse" }
    var bytes: [UInt8]
}

private struct TourStream: StreamRequest {
    typealias Item = [UInt8]
    static var callName: String { "items" }
    var count: Int
    var size: Int
}

private struct TourWait: CallRequest {
    typealias Reply = NoReply
    static var callName: String { "wait" }
}

distributed actor TourGuide {
    typealias ActorSystem = IPCActorSystem

    distributed func reverse(_ bytes: [UInt8]) -> [UInt8] { bytes.reversed() }
    distributed func wave(to tourist: Tourist) async throws { try await tourist.wave() }
    distributed func wait() async throws { try await Task.sleep(for: .seconds(60)) }
}

distributed actor Tourist {
    typealias ActorSystem = IPCActorSystem
    private var count = 0

    distributed func wave() { count += 1 }
    distributed var waves: Int { count }
}
