import IPCCore
import IPCDistributed
import IPCSockets
import TestSupport
import Testing

/// What is refused, and when a connection ends for it.
extension CallTests {
    @Test func peersOfAnotherInterfaceAreRefused() async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let old = try CallConnection(over: mine, options: CallOptions(interface: "store/1"))
        let new = try CallConnection(over: theirs, options: CallOptions(interface: "store/2")) {
            addHandlers(&$0, Log())
        }
        let error = try #require(await Self.failure(old, Echo(bytes: [])))
        #expect(error.progress == .notStarted)
        #expect(error.error?.code == .handshakeFailed || error.error?.code == .peerClosed)
        var ends: [IPCError.Code] = []
        for connection in [old, new] {
            do throws(IPCError) {
                try await connection.waitUntilEnd()
            } catch {
                ends.append(error.code)
                if error.code == .handshakeFailed {
                    #expect(error.message.contains("store/1") && error.message.contains("store/2"))
                }
            }
        }
        #expect(ends.contains(.handshakeFailed))
    }

    /// A peer of another version, older or newer: each side says hello before it looks at the other's, and the error of
    /// everybody names both.
    @Test(arguments: [CallWire.version - 1, CallWire.version + 1])
    func peersOfAnotherVersionAreRefused(_ version: UInt32) async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let connection = try CallConnection(over: mine) { addHandlers(&$0, Log()) }
        let asking = Task { await Self.failure(connection, Echo(bytes: [])) }
        var hello: [UInt8] = []
        CallWire.appendHello(CallHello(version: version, requestLimit: 8), to: &hello)
        // What comes behind a hello of another version is not looked at, whatever it means there.
        CallWire.append(.goodbye, id: 0, body: [UInt8](repeating: 1, count: 8), to: &hello)
        try await theirs.send(hello)
        let answer = try #require(try await theirs.receive())
        var said: UInt32?
        try unsafe CallWire.forEachFrame(of: answer.span.bytes) { (header, body) throws(IPCError) in
            if header.kind == .hello { said = try CallWire.readHello(body).version }
        }
        #expect(said == CallWire.version)
        // Nothing more comes: it hangs up.
        do throws(IPCError) {
            #expect(try await theirs.receive() == nil)
        } catch {
            #expect(error.code == .peerClosed)
        }
        var errors: [IPCError] = []
        do throws(IPCError) {
            try await connection.waitUntilEnd()
        } catch {
            errors.append(error)
        }
        let failure = try #require(await asking.value)
        #expect(failure.progress == .notStarted)
        if let error = failure.error { errors.append(error) }
        #expect(errors.count == 2)
        for error in errors {
            #expect(error.code == .wrongVersion)
            #expect(error.message.contains("version \(version) "), "\(error)")
            #expect(error.message.contains("this one \(CallWire.version)"), "\(error)")
        }
    }

    @Test func nonsenseEndsTheConnection() async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let connection = try CallConnection(over: mine) { addHandlers(&$0, Log()) }
        try await theirs.send([1, 2, 3, 4, 5])
        do throws(IPCError) {
            try await connection.waitUntilEnd()
            Issue.record("it ended in order")
        } catch {
            #expect(error.code == .protocolViolation)
        }
        #expect(await Self.failure(connection, Echo(bytes: []))?.progress == .notStarted)
    }

    @Test func onlyChannelsThatKeepMessagesWholeCarryCalls() throws {
        let (mine, _) = try SocketChannel.makePair(options: SocketOptions(framing: .bytes))
        #expect(throws: IPCError.self) { try CallConnection(over: mine) }
    }

    @Test func tooLargeIsNotStarted() async throws {
        let (mine, theirs) = InProcessChannel.makePair(maximumMessageSize: 64 << 10)
        let caller = try CallConnection(over: mine)
        let callee = try CallConnection(over: theirs) { handlers in
            handlers.on(Echo.self) { request, _ in request.bytes + [UInt8](repeating: 0, count: 60 << 10) }
        }
        let request = try #require(await Self.failure(caller, Echo(bytes: Array(repeating: 1, count: 100 << 10))))
        #expect(request.error?.code == .messageTooLarge && request.progress == .notStarted)
        let reply = try #require(await Self.failure(caller, Echo(bytes: Array(repeating: 1, count: 30 << 10))))
        #expect(reply.error?.code == .messageTooLarge && reply.progress == .answered)
        #expect(try await caller.call(Echo(bytes: [])).count == 60 << 10)
        caller.close()
        _ = try? await callee.waitUntilEnd()
    }
}
