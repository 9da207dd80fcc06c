import IPCDistributed
import IPCSystem
import TestSupport
import Testing

/// What `CallConnector` makes of servers that come and go.
@Suite(.watched) struct ConnectorTests {
    /// Each connection of a connector leads to a callee of this kind; they are kept.
    private final class Server: Sendable {
        private let callees = Lock<[CallConnection]>([])
        let log = Log()

        func connector(
            refusing refusals: Int = 0, _ handlers: @escaping @Sendable (inout CallHandlers) -> Void
        ) -> CallConnector {
            let left = Lock(refusals)
            return CallConnector { _ async throws(IPCError) in
                let isRefused = left.withLock { left in
                    left -= 1
                    return left >= 0
                }
                if isRefused { throw IPCError(.connectionRefused, "not yet") }
                let (mine, theirs) = try SocketChannel.makePair()
                let callee = try CallConnection(over: theirs, handlers)
                self.callees.withLock { $0.append(callee) }
                return try CallConnection(over: mine)
            }
        }

        var connections: [CallConnection] { callees.withLock { $0 } }
    }

    private static func failure<Request: CallRequest>(
        _ connector: CallConnector, _ request: Request, until deadline: Deadline = .never
    ) async -> CallError<Request.Failure>? {
        do throws(CallError<Request.Failure>) {
            _ = try await connector.call(request, until: deadline)
            return nil
        } catch {
            return error
        }
    }

    /// A peer that declines each request, with the code that a missing server has: asking it for ever would be no help.
    @Test(arguments: [IPCError.Code.notFound, .connectionRefused, .peerClosed])
    func declinedRequestIsNotAMissingServer(_ code: IPCError.Code) async throws {
        let asked = Lock(0)
        let connector = CallConnector { _ async throws(IPCError) in
            let (mine, theirs) = try SocketChannel.makePair()
            var options = MultiplexerOptions()
            options.greeting = []
            let peer = CallMultiplexer(over: theirs, options: options) { _ in
                asked.withLock { $0 += 1 }
                throw CallFailure(IPCError(code, "there is no such thing here"), reach: .notStarted)
            }
            Task { try? await peer.run() }
            return try CallConnection(over: mine)
        }
        let error = try #require(await Self.failure(connector, Note(text: "x")))
        #expect(error.error?.code == code && error.progress == .notStarted)
        #expect(asked.withLock { $0 } == 1)
        connector.close()
    }

    /// The first attempt may have been done, and the last one was not even started: what is known is that it may have been done.
    @Test func doubtOfAnEarlierAttemptRemains() async throws {
        let log = Log()
        let isDown = Lock(false)
        let connector = CallConnector { deadline async throws(IPCError) in
            if isDown.withLock({ $0 }) { throw IPCError(.connectionRefused, "nobody listens") }
            let (mine, theirs) = try SocketChannel.makePair()
            let callee = try CallConnection(over: theirs) { handlers in
                handlers.on(Get.self) { _, context in
                    log.note("asked")
                    isDown.withLock { $0 = true }
                    context.connection.close()
                    return "never"
                }
            }
            Task { try? await callee.waitUntilEnd() }
            return try CallConnection(over: mine)
        }
        let error = try #require(await Self.failure(connector, Get(key: "a"), until: .after(.seconds(5))))
        #expect(error.error?.code == .connectionRefused && error.progress == .unknown, "\(error)")
        #expect(log.all == ["asked"])
        connector.close()
    }

    @Test func streamsWaitForTheirServer() async throws {
        let server = Server()
        let connector = server.connector(refusing: 3) { addHandlers(&$0, Log()) }
        var numbers: [Int] = []
        for try await number in try await connector.stream(Count(end: 50), window: 3) { numbers.append(number) }
        #expect(numbers == Array(0..<50))
        #expect(server.connections.count == 1)
        connector.close()
        do {
            _ = try await connector.stream(Count(end: 1))
            Issue.record("a stream over a connector that is closed")
        } catch {
            #expect(error.error?.code == .closed && error.progress == .notStarted)
        }
    }

    /// A stream is never asked for again by itself: its items would come twice.
    @Test func streamEndsWithItsConnection() async throws {
        let server = Server()
        let connector = server.connector { addHandlers(&$0, Log()) }
        let stream = try await connector.stream(Count(end: 500), window: 4)
        var iterator = stream.makeAsyncIterator()
        #expect(try await iterator.next() == 0)
        server.connections[0].close()
        var error: CallError<StoreError>?
        do throws(CallError<StoreError>) {
            while try await iterator.next() != nil {}
        } catch let thrown {
            error = thrown
        }
        #expect(error?.error?.code == .peerClosed && error?.progress == .unknown)
        #expect(server.connections.count == 1)
        // The next one is asked over a new connection.
        var numbers: [Int] = []
        for try await number in try await connector.stream(Count(end: 5)) { numbers.append(number) }
        #expect(numbers.count == 5 && server.connections.count == 2)
        connector.close()
    }

    /// A server that ends in order declines; the next request of either form goes to the one that follows it.
    @Test func requestsGoToTheNextServerWhileOneEnds() async throws {
        let server = Server()
        let log = server.log
        let gate = Log()
        let connector = server.connector { handlers in
            addHandlers(&handlers, log)
            handlers.on(Note.self) { request, _ in
                log.note(request.text)
                try await gate.has("open")
            }
        }
        // A handler that runs keeps the first one from its goodbye.
        let running = Task { await Self.failure(connector, Note(text: "runs")) }
        try await log.has("runs")
        let first = server.connections[0]
        let ending = Task { await first.finish(until: .after(.seconds(3600))) }
        while server.connections.count < 2 { #expect(try await connector.call(Echo(bytes: [1])) == [1]) }
        var numbers: [Int] = []
        for try await number in try await connector.stream(Count(end: 5)) { numbers.append(number) }
        #expect(numbers.count == 5)
        gate.note("open")
        #expect(await running.value == nil)
        await ending.value
        #expect(server.connections.count == 2)
        connector.close()
    }

    /// A stream over a connection that another one has followed ends with the connector, too.
    @Test func closingEndsStreamsOfEarlierConnections() async throws {
        let server = Server()
        let connector = server.connector { addHandlers(&$0, Log()) }
        var streams: [ItemStream<Int, StoreError>.AsyncIterator] = []
        for number in 1...3 {
            var stream = try await connector.stream(Count(end: 1000), window: 2).makeAsyncIterator()
            #expect(try await stream.next() == 0)
            streams.append(stream)
            #expect(server.connections.count == number)
            guard number < 3 else { break }
            // It serves no more, but for the stream, which waits to be read.
            let last = server.connections[number - 1]
            Task { await last.finish(until: .after(.seconds(3600))) }
            while server.connections.count == number { #expect(try await connector.call(Echo(bytes: [1])) == [1]) }
        }
        connector.close()
        for index in streams.indices {
            var error: CallError<StoreError>?
            do throws(CallError<StoreError>) {
                while try await streams[index].next() != nil {}
            } catch let thrown {
                error = thrown
            }
            #expect(error?.error?.code == .closed, "\(index): \(String(describing: error))")
        }
    }
}
