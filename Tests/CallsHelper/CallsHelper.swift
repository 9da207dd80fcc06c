import CallsShared
import Glibc
import IPCDistributed
import IPCSystem

/// The other process of the tests of calls and distributed actors. It lives as long as its parent does, or until told.
///
///     calls PATH          serves calls on a Unix socket or `tcp:` address
///     inherited           serves calls over an inherited socket
///     ask-calls           asks its parent over an inherited socket to wait, and waits
///     actors ADDRESS      has distributed actors, and serves them
///     actors-inherited    the same over an inherited socket
///     ask-actors ADDRESS  calls the actors there, and says what they answered
///     network-callee ADDRESS, network-caller ADDRESS
///                         a call without an end, over a network that falls silent
///     calls-storm …       see `CallsStorm`
@main struct CallsHelper {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let rest = Array(arguments.dropFirst())
        switch arguments.first {
        case "calls": try await listen(arguments[1]) { listener in try await serveCalls(on: listener, addHandlers) }
        case "inherited":
            let connection = try CallConnection(
                over: InheritedEndpoints.take(0, as: SocketChannel.self), addHandlers)
            try? await connection.waitUntilEnd()
        case "ask-calls":
            let connection = try CallConnection(over: InheritedEndpoints.take(0, as: SocketChannel.self))
            _ = try await connection.call(Work("wait"))
        case "actors":
            let system = IPCActorSystem(thrownErrors: [Refusal.self])
            let office = Office(actorSystem: system)
            try system.checkIn(office, as: "office")
            try await listen(arguments[1]) { listener in try await system.serve(on: listener) }
        case "actors-inherited":
            let system = IPCActorSystem(thrownErrors: [Refusal.self])
            let events = system.events
            try system.checkIn(Office(actorSystem: system), as: "office")
            try await system.connect(over: InheritedEndpoints.take(0, as: SocketChannel.self))
            for await event in events {
                if case .lost = event { return }
            }
        case "ask-actors": try await ask(arguments[1])
        case "network-callee":
            try await listen(arguments[1]) { listener in
                try await serveCalls(on: listener, options: quickToNotice) { handlers in
                    handlers.on(Work.self) { _, _ in
                        say("handles")
                        try? await Task.sleep(for: .seconds(600))
                        say(Task.isCancelled ? "cancelled" : "not cancelled")
                        return 0
                    }
                }
            }
        case "network-caller":
            let socket = try await SocketConnection.connect(
                to: SocketAddress(arguments[1]), retry: .untilDeadline, until: .after(.seconds(30)))
            let connection = try CallConnection(over: socket.channel(), options: quickToNotice)
            do throws(CallError<Never>) {
                say("\(try await connection.call(Work("wait")))")
            } catch {
                say("\(error.error?.code.description ?? "none"), \(error.progress)")
            }
        case "calls-storm":
            do {
                try await CallsStorm.run(rest)
            } catch {
                say("calls-storm: \(error)")
                ProcessExit.leave(1)
            }
        case "storm-callee": try await StormCallee(rest).live()
        case "storm-caller": try await StormCaller(rest).live()
        case "storm-half-reader": try await StormHalfReader(rest).live()
        default: ProcessExit.leave(64)
        }
    }

    /// The default, but faster.
    private static var quickToNotice: CallOptions {
        CallOptions(keepAlive: SocketKeepAlive(idle: .seconds(1), interval: .seconds(1), attempts: 2))
    }

    private static func listen(
        _ address: String, _ body: (SocketListener) async throws -> Void
    ) async throws {
        try await SocketListener.withListener(at: SocketAddress(address)) { listener in
            say("listening at \(listener.address)")
            try await body(listener)
        }
    }

    private static func ask(_ address: String) async throws {
        let system = IPCActorSystem(thrownErrors: [Refusal.self])
        let socket = try await SocketConnection.connect(
            to: SocketAddress(address), retry: .untilDeadline, until: .after(.seconds(60)))
        let server = try await system.connect(over: socket.channel())
        let office = try await system.lookUp(Office.self, named: "office", at: server)
        let visitor = Visitor(actorSystem: system)
        let heard = try await office.introduce(visitor)
        say("\(try await office.add(2, 3)) \(heard)")
        system.close()
    }

    private static func addHandlers(_ handlers: inout CallHandlers) {
        handlers.on(Work.self) { request, context in
            switch request.what {
            case "die":
                ProcessExit.leaveAtOnce(9)
                return 0
            case "wait":
                try await Task.sleep(for: .seconds(600))
                return 0
            default: return Int(ProcessFacts.processID)
            }
        }
    }
}

/// Writes a line to standard output, unbuffered.
func say(_ text: String) {
    let bytes = Array("\(text)\n".utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
}
