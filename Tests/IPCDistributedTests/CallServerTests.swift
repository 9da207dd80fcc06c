import IPCDistributed
import IPCSystem
import TestSupport
import Testing

/// How `serveCalls` ends, and clients that do not speak.
@Suite(.watched) struct CallServerTests {
    private static func address() throws(IPCError) -> SocketAddress {
        try SocketAddress("unix:/tmp/ipc-calls-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))")
    }

    /// Serves while `body` runs, which gets the listener, a client and the task of the server.
    private static func withServer(
        _ options: CallOptions, _ log: Log, gate: Log = Log(),
        _ body: (SocketListener, CallConnection, Task<IPCError?, Never>) async throws -> Void
    ) async throws {
        let listener = try await SocketListener.listen(at: try address())
        defer { listener.close() }
        let serving = Task { () -> IPCError? in
            do throws(IPCError) {
                try await serveCalls(on: listener, options: options) { handlers in
                    addHandlers(&handlers, log)
                    handlers.on(Note.self) { request, _ in
                        log.note(request.text)
                        try await gate.has("open")
                    }
                }
                return nil
            } catch {
                return error
            }
        }
        let client = try CallConnection(over: try await SocketConnection.connect(to: listener.address).channel())
        do {
            try await body(listener, client, serving)
        } catch {
            serving.cancel()
            throw error
        }
        client.close()
    }

    @Test func handlersAnswerWhenTheListenerEnds() async throws {
        let (log, gate) = (Log(), Log())
        try await Self.withServer(CallOptions(gracePeriod: .seconds(3600)), log, gate: gate) {
            listener, client, serving async throws in
            let running = Task { await CallTests.failure(client, Note(text: "runs")) }
            try await log.has("runs")
            listener.close()
            // What comes from now on is declined, and nothing that was begun is lost.
            var declined: CallError<Never>?
            while declined == nil { declined = await CallTests.failure(client, Echo(bytes: [])) }
            #expect(declined?.progress == .notStarted && declined?.error?.code == .closed)
            gate.note("open")
            #expect(await running.value == nil)
            #expect(await serving.value == nil)
        }
    }

    @Test func handlersAreCancelledAfterTheGracePeriod() async throws {
        let log = Log()
        try await Self.withServer(CallOptions(gracePeriod: .milliseconds(30)), log) {
            listener, client, serving async throws in
            let running = Task { await CallTests.failure(client, Wait()) }
            try await log.has("waits")
            listener.close()
            let error = try #require(await running.value)
            #expect(error.error?.code == .peerClosed && error.progress == .unknown)
            #expect(await serving.value == nil)
            try await log.has("cancelled")
        }
    }

    @Test func cancelledServerEndsAtOnce() async throws {
        let log = Log()
        try await Self.withServer(CallOptions(gracePeriod: .seconds(3600)), log) {
            _, client, serving async throws in
            let running = Task { await CallTests.failure(client, Wait()) }
            try await log.has("waits")
            serving.cancel()
            #expect(await running.value?.error?.code == .peerClosed)
            #expect(await serving.value?.code == .cancelled)
            try await log.has("cancelled")
        }
    }

    /// A client that says no hello is hung up on; one that has said it may be silent for as long as it likes.
    @Test func whoSaysNoHelloIsHungUpOn() async throws {
        // Enough for the hello of the good one on a loaded machine.
        let options = CallOptions(greetingTimeout: .seconds(4))
        try await Self.withServer(options, Log()) { listener, client, serving async throws in
            try await client.waitUntilReady()
            let silent = try await SocketConnection.connect(to: listener.address).channel()
            // The server's own hello, and then the end.
            #expect(try await silent.receive() != nil)
            #expect((try? await silent.receive()) == nil)
            #expect(try await client.call(Echo(bytes: [7])) == [7])
            client.close()
            listener.close()
            #expect(await serving.value == nil)
        }
    }

    /// Over TCP a silent network is looked for, unless the channel or the options say otherwise.
    @Test func silentNetworksAreLookedForOverTCP() async throws {
        func number(_ channel: any ByteChannel) throws -> Int32 {
            try #require(channel as? SocketChannel).sender.stream.number
        }
        let (first, second) = try await CallTests.makePair(.tcp)
        #expect(try NetworkCalls.get(number(first), .keepAlive) == 0)
        let one = try CallConnection(over: first)
        #expect(try NetworkCalls.get(number(first), .keepAlive) == 1)
        #expect(try NetworkCalls.get(number(first), .keepAliveIdle) == 30)
        #expect(try NetworkCalls.get(number(first), .userTimeout) == 60_000)
        let two = try CallConnection(over: second, options: CallOptions(keepAlive: nil))
        #expect(try NetworkCalls.get(number(second), .keepAlive) == 0)
        let listener = try await SocketListener.listen(at: .tcp(port: 0))
        defer { listener.close() }
        let own = try await SocketConnection.connect(to: listener.address).channel(
            options: SocketOptions(keepAlive: SocketKeepAlive(idle: .seconds(7))))
        let three = try CallConnection(over: own)
        #expect(try NetworkCalls.get(own.sender.stream.number, .keepAliveIdle) == 7)
        let (_, spare) = try await CallTests.makePair(.tcp)
        let impossible = CallOptions(keepAlive: SocketKeepAlive(attempts: 0))
        #expect(throws: IPCError.self) { try CallConnection(over: spare, options: impossible) }
        for connection in [one, two, three] { connection.close() }
    }
}
