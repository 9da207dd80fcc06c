import CallsShared
import Distributed
import IPCDistributed
import IPCSockets
import IPCSystem

/// What a side with an actor system says at the start.
struct ActorGreeting: Codable {
    var interface = ""
    var system: ActorSystemID?
}

/// A peer that speaks the call protocol, and sends calls of actors that no compiler made.
struct Stranger {
    /// The name of `Office.total`, a property without arguments.
    static let totalOfOffice = "$s11CallsShared6OfficeC5totalSiyYaKFTE"

    let multiplexer: CallMultiplexer
    let office: Office
    let system: IPCActorSystem

    /// A system with an office, and somebody who is joined to it.
    static func join(
        greeting: [UInt8]? = nil, _ body: (Stranger) async throws -> Void
    ) async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let system = IPCActorSystem()
        var options = MultiplexerOptions()
        options.greeting = try greeting ?? BinaryCodec.encode(ActorGreeting(system: .random()))
        let multiplexer = CallMultiplexer(over: mine, options: options)
        let office = Office(actorSystem: system)
        async let reading: Void? = try? multiplexer.run()
        do {
            try await system.connect(over: theirs)
            try await body(Stranger(multiplexer: multiplexer, office: office, system: system))
        } catch {
            multiplexer.close()
            _ = await reading
            throw error
        }
        multiplexer.close()
        _ = await reading
    }

    func failure(_ payload: [UInt8]) async -> CallFailure? {
        do {
            _ = try await multiplexer.call(2, payload)
            return nil
        } catch {
            return error
        }
    }

    /// A call of `add` or another method, whole.
    func payload(
        _ target: String = "$s11CallsShared6OfficeC3addyS2i_SitYaKFTE", substitutions: [any Any.Type] = [],
        arguments: [Int] = [1, 2]
    ) throws -> [UInt8] {
        var encoder = ActorInvocationEncoder()
        for type in substitutions { try record(type, &encoder) }
        for argument in arguments {
            try encoder.recordArgument(RemoteCallArgument(label: nil, name: "_", value: argument))
        }
        return try encoder.payload(for: office.id, target)
    }

    private func record(_ type: any Any.Type, _ encoder: inout ActorInvocationEncoder) throws {
        func open<Value>(_ type: Value.Type) throws { try encoder.recordGenericSubstitution(type) }
        try _openExistential(type, do: open)
    }
}
