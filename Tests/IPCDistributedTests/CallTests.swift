import IPCDistributed
import IPCPipes
import IPCSharedMemory
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Calls over each kind of channel.
@Suite(.watched) struct CallTests {
    /// The kinds of channel that calls are tried over.
    enum Kind: String, CaseIterable, Sendable { case inProcess, rendezvous, pipes, unix, packets, tcp, ring }

    static func makePair(_ kind: Kind) async throws -> (any ByteChannel, any ByteChannel) {
        switch kind {
        case .inProcess: return InProcessChannel.makePair()
        case .rendezvous: return InProcessChannel.makePair(capacity: 0)
        case .pipes: return try PipeChannel.makePair()
        case .unix: return try SocketChannel.makePair()
        case .packets:
            let (mine, theirs) = try SocketConnection.makePair(type: .packets)
            return (try mine.channel(), try theirs.channel())
        case .ring: return try RingChannel.makePair()
        case .tcp:
            let listener = try await SocketListener.listen(at: .tcp(port: 0))
            defer { listener.close() }
            async let accepted = listener.accept()
            let mine = try await SocketConnection.connect(to: listener.address)
            return (try mine.channel(), try #require(try await accepted).channel())
        }
    }

    /// Two ends while `body` runs; everything of theirs has ended when this returns.
    static func withEnds(
        _ kind: Kind = .unix, options: CallOptions = CallOptions(), log: Log = Log(),
        _ body: (CallConnection, CallConnection) async throws -> Void
    ) async throws {
        let (mine, theirs) = try await makePair(kind)
        let caller = try CallConnection(over: mine)
        let callee = try CallConnection(over: theirs, options: options) { addHandlers(&$0, log) }
        do {
            try await body(caller, callee)
        } catch {
            caller.close()
            callee.close()
            throw error
        }
        caller.close()
        _ = try? await callee.waitUntilEnd()
    }

    /// How a request fails; nil when it does not.
    static func failure<Request: CallRequest>(
        _ connection: CallConnection, _ request: Request, until deadline: Deadline = .never
    ) async -> CallError<Request.Failure>? {
        do throws(CallError<Request.Failure>) {
            _ = try await connection.call(request, until: deadline)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: Kind.allCases) func manyInFlight(_ kind: Kind) async throws {
        var options = CallOptions()
        options.requestLimit = 9
        try await Self.withEnds(kind, options: options) { caller, _ async throws in
            await withTaskGroup(of: Bool.self) { group in
                for index in 0..<300 {
                    group.addTask {
                        let bytes = [UInt8](repeating: UInt8(index & 255), count: index * 7)
                        return (try? await caller.call(Echo(bytes: bytes))) == bytes
                    }
                }
                for await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test(arguments: Kind.allCases) func streamsWithLittleCredit(_ kind: Kind) async throws {
        try await Self.withEnds(kind) { caller, _ async throws in
            var numbers: [Int] = []
            for try await number in try caller.stream(Count(end: 200), window: 3) { numbers.append(number) }
            #expect(numbers == Array(0..<200))
        }
    }

    @Test func bothSidesAsk() async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let first = try CallConnection(over: mine) { handlers in
            handlers.on(Get.self) { request, _ in "first has \(request.key)" }
        }
        let second = try CallConnection(over: theirs) { handlers in
            handlers.on(Get.self) { request, context in
                // While the caller waits, its own side is asked.
                let other = try await context.connection.call(Get(key: request.key + "!"), until: context.deadline)
                return "second heard: \(other)"
            }
        }
        #expect(try await first.call(Get(key: "x")) == "second heard: first has x!")
        first.close()
        _ = try? await second.waitUntilEnd()
    }

    @Test func errorsKeepTheirType() async throws {
        try await Self.withEnds { caller, _ async throws in
            #expect(try await caller.call(Get(key: "a")) == "value of a")
            guard case .thrown(let missing)? = await Self.failure(caller, Get(key: "b")) else {
                Issue.record("no error of its own")
                return
            }
            #expect(missing == .missing("b"))
            let known = try #require(await Self.failure(caller, Fail(how: 0)))
            #expect(known.error?.code == .notFound && known.progress == .answered)
            let own = try #require(await Self.failure(caller, Fail(how: 1)))
            #expect(own.error?.code == .taskFailed && own.error?.message.contains("of its own") == true)
            let cancelled = try #require(await Self.failure(caller, Fail(how: 2)))
            #expect(cancelled.isCancellation && cancelled.progress == .answered)
        }
    }

    @Test func streamThatFailsDeliversWhatCameFirst() async throws {
        try await Self.withEnds { caller, _ async throws in
            var numbers: [Int] = []
            do {
                for try await number in try caller.stream(Count(end: 1001)) { numbers.append(number) }
                Issue.record("no error")
            } catch CallError<StoreError>.thrown(let error) {
                #expect(error == .missing("the rest"))
            }
            #expect(numbers == Array(0..<1000))
        }
    }

    @Test func requestsThatNobodyAnswersAreNotStarted() async throws {
        try await Self.withEnds { caller, callee async throws in
            let unknown = try #require(await Self.failure(caller, Unknown()))
            #expect(unknown.error?.code == .unsupported && unknown.progress == .notStarted)
            #expect(!unknown.mayHaveBeenDone)
            // The caller has no handlers at all.
            let none = try #require(await Self.failure(callee, Echo(bytes: [])))
            #expect(none.error?.code == .unsupported && none.progress == .notStarted)
        }
    }

    /// A request of the same name with other fields, a stream where one reply is given, and the reverse.
    @Test func requestsOfAnotherShapeAreNotStarted() async throws {
        struct OtherEcho: CallRequest {
            typealias Reply = Int
            static var callName: String { Echo.callName }
            var text: String
        }
        struct EchoStream: StreamRequest {
            typealias Item = Int
            static var callName: String { Echo.callName }
        }
        struct CountOnce: CallRequest {
            typealias Reply = Int
            static var callName: String { Count.callName }
            var end: Int
        }
        try await Self.withEnds { caller, _ async throws in
            let other = try #require(await Self.failure(caller, OtherEcho(text: "x")))
            #expect(other.error?.code == .decodingFailed && other.progress == .notStarted)
            let once = try #require(await Self.failure(caller, CountOnce(end: 3)))
            #expect(once.error?.code == .unsupported && once.progress == .notStarted)
            do {
                for try await _ in try caller.stream(EchoStream()) { Issue.record("an item") }
                Issue.record("no error")
            } catch {
                #expect((error as? CallError<Never>)?.progress == .notStarted)
            }
            #expect(try await caller.call(Echo(bytes: [1])) == [1])
        }
    }

    @Test func cancellationReachesTheHandler() async throws {
        let log = Log()
        try await Self.withEnds(log: log) { caller, _ async throws in
            let task = Task { await Self.failure(caller, Wait()) }
            try await log.has("waits")
            task.cancel()
            let error = try #require(await task.value)
            #expect(error.isCancellation && error.progress == .unknown)
            try await log.has("cancelled")
            #expect(try await caller.call(Echo(bytes: [1])) == [1])
        }
    }

    @Test func deadlineReachesTheHandler() async throws {
        let log = Log()
        try await Self.withEnds(log: log) { caller, _ async throws in
            try await caller.waitUntilReady()
            // Long enough that the request is with its handler by then; on a machine that was too slow for that, longer.
            for seconds in [3, 30, 120] where log.all.isEmpty {
                let error = try #require(await Self.failure(caller, Wait(), until: .after(.seconds(seconds))))
                #expect(error.error?.code == .timedOut)
            }
            try await log.has("cancelled")
            #expect(log.all.first == "waits with a deadline")
        }
    }

    @Test func deathOfTheCalleeSaysThatTheRequestMayHaveBeenDone() async throws {
        let log = Log()
        try await Self.withEnds(options: CallOptions(requestLimit: 1), log: log) { caller, callee async throws in
            let started = Task { await Self.failure(caller, Wait()) }
            try await log.has("waits")
            // The callee takes one at a time, so this one has not left.
            let queued = Task { await Self.failure(caller, Note(text: "queued")) }
            try await Task.sleep(for: .milliseconds(20))
            callee.close()
            let first = try #require(await started.value)
            #expect(first.error?.code == .peerClosed && first.progress == .unknown)
            let second = try #require(await queued.value)
            #expect(second.error?.code == .peerClosed && second.progress == .notStarted)
            let late = try #require(await Self.failure(caller, Echo(bytes: [])))
            #expect(late.progress == .notStarted)
            #expect(!log.all.contains("queued"))
        }
    }

    @Test func deathOfTheCallerCancelsItsRequests() async throws {
        let log = Log()
        try await Self.withEnds(log: log) { caller, _ async throws in
            let task = Task { await Self.failure(caller, Wait()) }
            try await log.has("waits")
            caller.close()
            #expect(await task.value?.error?.code == .closed)
            try await log.has("cancelled")
        }
    }

    @Test func streamThatNobodyReadsWaitsForCredit() async throws {
        let log = Log()
        try await Self.withEnds(log: log) { caller, _ async throws in
            do {
                let numbers = try caller.stream(Count(end: 500), window: 4)
                try await log.has("sent 3")
                try await Task.sleep(for: .milliseconds(40))
                #expect(log.all.count == 4)
                var iterator = numbers.makeAsyncIterator()
                for number in 0..<20 { #expect(try await iterator.next() == number) }
            }
            // Letting go of it ends the handler, and other calls go on.
            #expect(try await caller.call(Echo(bytes: [1])) == [1])
        }
        #expect(!log.all.contains("sent 100"))
    }

    @Test func finishLetsHandlersEnd() async throws {
        let log = Log()
        let gate = Log()
        let (mine, theirs) = try SocketChannel.makePair()
        let caller = try CallConnection(over: mine)
        let callee = try CallConnection(over: theirs) { handlers in
            handlers.on(Note.self) { request, _ in
                log.note(request.text)
                try await gate.has("open")
            }
        }
        let running = Task { await Self.failure(caller, Note(text: "first")) }
        try await log.has("first")
        let ending = Task { await callee.finish(until: .after(.seconds(120))) }
        // From here on, new ones are declined. When exactly is the callee's affair, so it is asked until it says so.
        var declined: CallError<Never>?
        while declined == nil {
            declined = await Self.failure(caller, Fail(how: 0)).flatMap { $0.error?.code == .closed ? $0 : nil }
        }
        #expect(declined?.progress == .notStarted)
        gate.note("open")
        #expect(await running.value == nil)
        await ending.value
        #expect(await Self.failure(caller, Note(text: "late"))?.progress == .notStarted)
    }
}
