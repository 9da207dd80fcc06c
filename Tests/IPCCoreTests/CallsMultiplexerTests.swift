import IPCCore
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Calls over a real channel.
@Suite(.watched) struct CallsMultiplexerTests {
    private final class Log: Sendable {
        private let entries = Lock<[String]>([])
        func note(_ text: String) { entries.withLock { $0.append(text) } }
        var all: [String] { entries.withLock { $0 } }
    }

    /// What the serving side does, by method.
    private static func handler(_ log: Log) -> MultiplexerHandler {
        { call in
            switch call.method {
            case 0: return call.payload
            case 1:
                for byte in call.payload { try await call.send([byte]) }
                return nil
            case 2:
                log.note("waits")
                do {
                    try await Task.sleep(for: .seconds(600))
                } catch {
                    log.note("cancelled")
                    throw error
                }
                return []
            case 3: throw IPCError(.notFound, "no such thing")
            case 4: throw CallFailure(IPCError(.taskFailed, "own error"), typeName: "Own", payload: [7])
            case 5:
                var number: UInt8 = 0
                while true {
                    try await call.send([number])
                    number &+= 1
                    log.note("item")
                }
            default: return [call.wantsStream ? 1 : 0, call.deadline == .never ? 0 : 1]
            }
        }
    }

    /// Two ends, run beside `body`; both must have ended when it is done.
    private func withEnds(
        options: MultiplexerOptions = MultiplexerOptions(), log: Log = Log(),
        _ body: (CallMultiplexer, CallMultiplexer) async throws -> Void
    ) async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let caller = CallMultiplexer(over: mine)
        let callee = CallMultiplexer(over: theirs, options: options, serving: Self.handler(log))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await caller.run() }
            group.addTask { _ = try? await callee.run() }
            do {
                try await body(caller, callee)
            } catch {
                caller.close()
                callee.close()
                throw error
            }
            caller.close()
            try await group.waitForAll()
        }
    }

    /// How a call fails; nil when it does not. (A closure inside `#expect` is avoided in this file: with Swift 6.3.1 two of
    /// them, or one and its neighbour, can end up as one function.)
    private func failure(
        _ connection: CallMultiplexer, _ method: UInt32, until deadline: Deadline = .never
    ) async -> CallFailure? {
        do {
            _ = try await connection.call(method, [], until: deadline)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [false, true]) func manyCallsInFlight(_ immediately: Bool) async throws {
        var options = MultiplexerOptions()
        options.requestLimit = 7
        options.startsImmediately = { _ in immediately }
        try await withEnds(options: options) { caller, _ async throws in
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<500 {
                    group.addTask {
                        let payload = [UInt8](repeating: UInt8(index & 255), count: index * 10)
                        let reply = try? await caller.call(0, payload)
                        #expect(reply == payload)
                    }
                }
            }
        }
    }

    /// More than the sockets hold, both ways at once.
    @Test func largeCallsDoNotBlockEachOther() async throws {
        try await withEnds { caller, _ async throws in
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<8 {
                    group.addTask {
                        let payload = [UInt8](repeating: UInt8(index), count: 2 << 20)
                        let reply = try? await caller.call(0, payload)
                        #expect(reply == payload)
                    }
                }
            }
        }
    }

    @Test func streams() async throws {
        try await withEnds { caller, _ async throws in
            let payload = (0..<250).map { UInt8($0) }
            var received: [UInt8] = []
            for try await item in try caller.stream(1, payload, window: 3) { received += item }
            #expect(received == payload)
        }
    }

    @Test func streamThatNobodyReadsWaits() async throws {
        let log = Log()
        try await withEnds(log: log) { caller, _ async throws in
            do {
                let replies = try caller.stream(5, [], window: 4)
                while log.all.count < 4 { try await Task.sleep(for: .milliseconds(5)) }
                try await Task.sleep(for: .milliseconds(50))
                #expect(log.all.count == 4)
                var iterator = replies.makeAsyncIterator()
                for number in 0..<20 { #expect(try await iterator.next() == [UInt8(number)]) }
            }
            // Letting go of it ends the handler, and other calls go on.
            #expect(try await caller.call(0, [1]) == [1])
        }
    }

    @Test func errorsArrive() async throws {
        try await withEnds { caller, _ async throws in
            #expect(
                await failure(caller, 3)?.error.code == .notFound)
            let own = await failure(caller, 4)
            #expect(own == CallFailure(IPCError(.taskFailed, "own error"), typeName: "Own", payload: [7]))
        }
    }

    @Test func cancellationReachesTheHandler() async throws {
        let log = Log()
        try await withEnds(log: log) { caller, _ async throws in
            let task = Task { await failure(caller, 2) }
            while log.all.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
            task.cancel()
            #expect(await task.value?.error.code == .cancelled)
            while log.all.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(log.all == ["waits", "cancelled"])
        }
    }

    @Test func deadlineReachesTheHandler() async throws {
        let log = Log()
        try await withEnds(log: log) { caller, _ async throws in
            // Before the hellos have crossed a call would end here without having left.
            _ = try await caller.call(0, [])
            // Long enough that the request is with its handler by then; on a machine that was too slow for that, longer.
            for seconds in [3, 30, 120] where log.all.isEmpty {
                let late = await failure(caller, 2, until: .after(.seconds(seconds)))
                #expect(late?.error.code == .timedOut)
            }
            while log.all.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(try await caller.call(9, [], until: .after(.seconds(50))) == [0, 1])
            #expect(try await caller.call(9, []) == [0, 0])
        }
    }

    @Test func deathOfTheCallerCancelsItsRequests() async throws {
        let log = Log()
        try await withEnds(log: log) { caller, _ async throws in
            let task = Task { await failure(caller, 2) }
            while log.all.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
            caller.close()
            #expect(await task.value?.error.code == .closed)
        }
        // The callee's run has ended, so its handlers have.
        #expect(log.all == ["waits", "cancelled"])
    }

    @Test func deathOfTheCalleeFailsWhatIsOpen() async throws {
        try await withEnds { caller, callee async throws in
            let tasks = (0..<5).map { _ in
                Task { await failure(caller, 2) }
            }
            try await Task.sleep(for: .milliseconds(50))
            callee.close()
            for task in tasks { #expect(await task.value?.error.code == .peerClosed) }
            #expect(
                await failure(caller, 0)?.error.code
                    == .peerClosed)
        }
    }

    @Test func peerThatTalksNonsenseIsCutOff() async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let caller = CallMultiplexer(over: mine)
        async let ending = runError(caller)
        try await theirs.send([1, 2, 3, 4, 5])
        #expect(await ending?.code == .protocolViolation)
        #expect(
            await failure(caller, 0)?.error.code
                == .protocolViolation)
        // The nonsense is answered by the end of the connection, after the hello.
        #expect(try await theirs.receive() != nil)
        await #expect(throws: IPCError.self) { while try await theirs.receive() != nil {} }
    }

    private func runError(_ connection: CallMultiplexer) async -> IPCError? {
        do {
            try await connection.run()
            return nil
        } catch {
            return error
        }
    }
}
