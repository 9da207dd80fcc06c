import IPCDistributed
import IPCSystem
import TestSupport
import Testing

/// How connections end under handlers and callers that are in the middle of something.
@Suite(.watched) struct CallEndTests {
    private enum Mark {
        @TaskLocal static var value = 0
    }

    @Test func handlerMayFinishItsOwnConnection() async throws {
        let log = Log()
        let (mine, theirs) = try SocketChannel.makePair()
        let caller = try CallConnection(over: mine)
        let callee = try CallConnection(over: theirs) { handlers in
            handlers.on(Note.self) { _, context in
                await context.connection.finish(until: .after(.seconds(3600)))
                log.note("finished")
            }
        }
        _ = await CallTests.failure(caller, Note(text: "stop"))
        try await log.has("finished")
        _ = try? await callee.waitUntilEnd()
        _ = try? await caller.waitUntilEnd()
    }

    @Test func handlersMayAwaitTheEndOfTheirConnection() async throws {
        let log = Log()
        let (mine, theirs) = try SocketChannel.makePair()
        let caller = try CallConnection(over: mine)
        let callee = try CallConnection(over: theirs) { handlers in
            handlers.on(Wait.self) { _, context in
                log.note("waits")
                _ = try? await context.connection.waitUntilEnd()
                log.note("has waited")
            }
            handlers.on(Echo.self) { request, _ in request.bytes }
        }
        // Giving the call up ends the wait, and nothing else.
        let first = Task { await CallTests.failure(caller, Wait()) }
        try await log.has("waits")
        first.cancel()
        try await log.has("has waited")
        #expect(try await caller.call(Echo(bytes: [1])) == [1])
        let second = Task { await CallTests.failure(caller, Wait()) }
        while log.all.count < 3 { try await Task.sleep(for: .milliseconds(3)) }
        await callee.finish(until: .after(.milliseconds(20)))
        while log.all.count < 4 { try await Task.sleep(for: .milliseconds(3)) }
        _ = await (first.value, second.value)
    }

    @Test func handlerThatHearsNothingHoldsNobodyUp() async throws {
        let log = Log()
        let gate = Log()
        let (mine, theirs) = try SocketChannel.makePair()
        let caller = try CallConnection(over: mine)
        let callee = try CallConnection(over: theirs) { handlers in
            handlers.on(Note.self) { request, _ in
                log.note(request.text)
                // It does not hear of its cancellation.
                await Task.detached { try? await gate.has("open") }.value
                log.note("done")
            }
        }
        let asking = Task { await CallTests.failure(caller, Note(text: "started")) }
        try await log.has("started")
        await callee.finish(until: .after(.milliseconds(20)))
        _ = try? await callee.waitUntilEnd()
        #expect(!log.all.contains("done"))
        #expect(await asking.value?.progress == .unknown)
        gate.note("open")
        try await log.has("done")
    }

    @Test func longErrorArrivesOverASmallChannel() async throws {
        let (mine, theirs) = try SocketChannel.makePair(options: SocketOptions(maximumMessageSize: 4096))
        let caller = try CallConnection(over: mine)
        let callee = try CallConnection(over: theirs) { handlers in
            handlers.on(Get.self) { _, _ in throw Oops(text: String(repeating: "x", count: 6000)) }
        }
        let error = try #require(await CallTests.failure(caller, Get(key: "a")))
        #expect(error.error?.code == .taskFailed && error.progress == .answered)
        #expect(await CallTests.failure(caller, Get(key: "b"))?.progress == .answered)
        caller.close()
        _ = try? await callee.waitUntilEnd()
    }

    @Test func channelsForTinyMessagesAreRefused() throws {
        let (tiny, _) = InProcessChannel.makePair(maximumMessageSize: 100)
        let small = #expect(throws: IPCError.self) { try CallConnection(over: tiny) }
        #expect(small?.code == .invalidArgument)
        let (narrow, _) = InProcessChannel.makePair(maximumMessageSize: 512)
        let options = CallOptions(interface: String(repeating: "i", count: 1000))
        let hello = #expect(throws: IPCError.self) { try CallConnection(over: narrow, options: options) }
        #expect(hello?.code == .invalidArgument)
    }

    /// A peer that counts on places which its own callers hold would wait for ever.
    @Test(arguments: [1, 64]) func bothSidesCallBack(_ limit: Int) async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let options = CallOptions(requestLimit: limit)
        /// Asks back until the number is 0.
        @Sendable func handlers(_ handlers: inout CallHandlers) {
            handlers.on(Descend.self) { request, context in
                guard request.levels > 0 else { return 0 }
                return 1 + (try await context.connection.call(Descend(levels: request.levels - 1)))
            }
        }
        let first = try CallConnection(over: mine, options: options, handlers)
        let second = try CallConnection(over: theirs, options: options, handlers)
        await withTaskGroup(of: Int?.self) { group in
            for index in 0..<200 {
                let asker = index % 2 == 0 ? first : second
                group.addTask { try? await asker.call(Descend(levels: 3)) }
            }
            for await depth in group { #expect(depth == 3) }
        }
        let tooDeep = try #require(await CallTests.failure(first, Descend(levels: 50)))
        // The innermost one is busy, and each handler above it fails by that.
        #expect(tooDeep.error?.code == .taskFailed && tooDeep.error?.message.contains("busy") == true, "\(tooDeep)")
        first.close()
        _ = try? await second.waitUntilEnd()
    }

    @Test func cancelledWaitsSaySo() async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let connection = try CallConnection(over: mine)
        let ready = Task { () -> IPCError? in
            do throws(IPCError) {
                try await connection.waitUntilReady()
                return nil
            } catch {
                return error
            }
        }
        ready.cancel()
        #expect(await ready.value?.code == .cancelled)
        // It lives on.
        let other = try CallConnection(over: theirs) { addHandlers(&$0, Log()) }
        #expect(try await connection.call(Echo(bytes: [1])) == [1])
        let end = Task { () -> IPCError? in
            do throws(IPCError) {
                try await connection.waitUntilEnd()
                return nil
            } catch {
                return error
            }
        }
        end.cancel()
        #expect(await end.value?.code == .cancelled)
        #expect(try await connection.call(Echo(bytes: [1])) == [1])
        connection.close()
        _ = try? await other.waitUntilEnd()
    }

    @Test func sendersMayBeManyAndMayBeCancelled() async throws {
        let log = Log()
        let (mine, theirs) = try SocketChannel.makePair()
        let caller = try CallConnection(over: mine)
        let callee = try CallConnection(over: theirs) { handlers in
            handlers.on(Count.self) { request, numbers, _ in
                let stuck = Task { () -> IPCError.Code? in
                    do throws(IPCError) {
                        while true { try await numbers.send(-1) }
                    } catch {
                        return error.code
                    }
                }
                try await log.has("cancel it")
                stuck.cancel()
                log.note("\(await stuck.value == .cancelled)")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<request.end { group.addTask { try await numbers.send(number) } }
                    try await group.waitForAll()
                }
            }
        }
        let stream = try caller.stream(Count(end: 20), window: 2)
        log.note("cancel it")
        try await log.has("true")
        var numbers: [Int] = []
        for try await number in stream where number >= 0 { numbers.append(number) }
        #expect(numbers.sorted() == Array(0..<20))
        caller.close()
        _ = try? await callee.waitUntilEnd()
    }

    @Test func handlersKnowNothingOfWhoMadeTheConnection() async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let caller = try CallConnection(over: mine)
        let callee = try Mark.$value.withValue(7) {
            try CallConnection(over: theirs) { handlers in
                handlers.on(Descend.self) { _, _ in Mark.value }
            }
        }
        #expect(try await caller.call(Descend(levels: 0)) == 0)
        caller.close()
        _ = try? await callee.waitUntilEnd()
    }

    /// A server that stops in order leaves no doubt: each call was answered, or was not started.
    @Test func orderlyEndLeavesNoDoubt() async throws {
        for _ in 0..<30 {
            let (mine, theirs) = try SocketChannel.makePair()
            let caller = try CallConnection(over: mine)
            let callee = try CallConnection(over: theirs) { addHandlers(&$0, Log()) }
            try await caller.waitUntilReady()
            let asking = (0..<8).map { _ in
                Task { () -> CallError<Never>? in
                    for _ in 0..<100_000 {
                        if let error = await CallTests.failure(caller, Echo(bytes: [1])) { return error }
                    }
                    return nil
                }
            }
            await callee.finish(until: .after(.seconds(3600)))
            for task in asking {
                let error = try #require(await task.value)
                #expect(error.progress == .notStarted, "\(error)")
            }
        }
    }
}

/// Has the other side ask back.
struct Descend: CallRequest {
    typealias Reply = Int
    var levels: Int
}
