public import Distributed
public import IPCSockets
import IPCSystem

/// Distributed actors over any channel: in a child process, over a Unix socket, over TCP on another machine. A call of an
/// actor that lives elsewhere reads as a local one.
///
/// ```swift
/// distributed actor Counter {
///     typealias ActorSystem = IPCActorSystem
///     private var value = 0
///     distributed func add(_ amount: Int) -> Int {
///         value += amount
///         return value
///     }
/// }
///
/// // In the process where the actor lives:
/// let counter = Counter(actorSystem: system)
/// try system.checkIn(counter, as: "counter")
/// try await system.serve(on: listener)
///
/// // In another one:
/// let server = try await system.connect(over: socket.channel())
/// let counter = try await system.lookUp(Counter.self, named: "counter", at: server)
/// let sum = try await counter.add(5)
/// ```
///
/// - **References.** An actor may be an argument or a result, also inside other values. Where it arrives it is the actor itself
///   if it lives there, else a reference whose calls go to its process over any connection to it: calls both ways share one.
/// - **Lifetime.** The system does not keep an actor alive: somebody in its own process holds it, or it is checked in under a name.
///   Calls of one that is gone throw `.notFound`.
/// - **At most once.** A call is never repeated. ``ActorCallError`` says whether it may have been done when it failed.
/// - **Errors** that a method throws arrive as themselves if they are `Codable` and the caller's system was made with their type,
///   an `IPCError` with its code, others with their description.
/// - **Types.** Methods may be generic over types that the system was given (`genericTypes`); an actor whose type is generic is called within its own process alone.
/// - **Trust.** A peer may call any distributed method of any actor whose id it knows or guesses; numbers are small. It
///   cannot call what is not `distributed`, and names of types and methods are looked up before the runtime gets them. A
///   peer says itself which system it is, and
///   every reference holds the id of one. While the true one is connected nobody takes its place; before that, and when it has
///   gone, whoever says its id gets its calls. Over Unix sockets another user's or process's is refused while one is connected.
public final class IPCActorSystem: DistributedActorSystem, Sendable {
    public typealias ActorID = IPCActorID
    public typealias SerializationRequirement = any Codable
    public typealias InvocationEncoder = ActorInvocationEncoder
    public typealias InvocationDecoder = ActorInvocationDecoder
    public typealias ResultHandler = ActorResultHandler

    struct LocalActor: @unchecked Sendable {
        // Guarded by the lock around it.
        weak var actor: (any DistributedActor)?
    }

    struct State: Sendable {
        var lastNumber: UInt64 = 0
        var actors: [UInt64: LocalActor] = [:]
        /// The connections to each system, oldest first: calls go over the first that lives.
        var peers: [ActorSystemID: [CallConnection]] = [:]
        /// Why connections ended, for whoever asks late: the last ones.
        var losses: [ActorSystemID: IPCError] = [:]
        var isClosed = false
    }

    /// The limit of the calls that a task makes. See ``withActorDeadline(_:_:)``.
    @TaskLocal static var deadline = Deadline.never

    /// Names this system in all processes.
    public let id = ActorSystemID.random()
    let options: CallOptions
    let thrownTypes: ThrownTypes
    let genericTypes: GenericTypes
    let state = Lock(State())
    let receptionist = Receptionist()
    let notices = ActorSystemNotices()
    private let targets = TargetCheck()

    /// A system without connections.
    ///
    /// - Parameters:
    ///   - thrownErrors: the `Codable` errors of distributed methods that arrive as themselves; peers name them.
    ///   - genericTypes: what peers may call generic methods of actors of this process with, beside `Bool`, `String`, `Float`,
    ///     `Double` and the integers: each type that a method's parameter may stand for, as in `[String].self`, and not private.
    ///   - options: how each connection carries calls.
    public init(
        thrownErrors: [any (Error & Codable & Sendable).Type] = [],
        genericTypes: [any (Codable & Sendable).Type] = [], options: CallOptions = CallOptions()
    ) {
        thrownTypes = ThrownTypes(thrownErrors)
        self.genericTypes = GenericTypes(genericTypes)
        self.options = options
    }

    /// What types ask their decoder for when they hold references to actors.
    var userInfo: [CodingUserInfoKey: any Sendable] { [.actorSystemKey: self] }

    // MARK: Actors of this process

    /// Called by the Swift runtime when an actor is made.
    public func assignID<Act: DistributedActor>(_ type: Act.Type) -> IPCActorID where Act.ID == IPCActorID {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        return IPCActorID(system: id, number: number)
    }

    /// Called by the Swift runtime when an actor is whole.
    public func actorReady<Act: DistributedActor>(_ actor: Act) where Act.ID == IPCActorID {
        let entry = LocalActor(actor: actor)
        state.withLock { $0.actors[actor.id.number] = entry }
    }

    /// Called by the Swift runtime when an actor is gone.
    public func resignID(_ id: IPCActorID) {
        _ = state.withLock { $0.actors.removeValue(forKey: id.number) }
    }

    /// Called by the Swift runtime for `resolve`: an actor of this system, or nil for a reference to another one's.
    ///
    /// - Throws: ``ActorCallError`` with `.notFound` when the actor is gone, `.typeMismatch` when it has another type.
    public func resolve<Act: DistributedActor>(
        id: IPCActorID, as type: Act.Type
    ) throws -> Act? where Act.ID == IPCActorID {
        guard id.system == self.id else { return nil }
        let found = try local(id)
        guard let actor = found as? Act else {
            throw ActorCallError(Self.mismatch(id, found, type), .notStarted)
        }
        return actor
    }

    private func local(_ id: IPCActorID) throws(ActorCallError) -> any DistributedActor {
        guard id.system == self.id, let actor = state.withLock({ $0.actors[id.number]?.actor }) else {
            throw ActorCallError(IPCError(.notFound, "the actor is gone", object: "\(id)"), .notStarted)
        }
        return actor
    }

    static func mismatch(_ id: IPCActorID, _ found: any DistributedActor, _ expected: any Any.Type) -> IPCError {
        IPCError(.typeMismatch, "expected \(expected), and it is \(Swift.type(of: found))", object: "\(id)")
    }

    // MARK: Calls out

    /// Called by the Swift runtime.
    public func makeInvocationEncoder() -> ActorInvocationEncoder { ActorInvocationEncoder() }

    /// Called by the Swift runtime.
    public func remoteCall<Act: DistributedActor, Failure: Error, Result: Codable>(
        on actor: Act, target: RemoteCallTarget, invocation: inout ActorInvocationEncoder, throwing: Failure.Type,
        returning: Result.Type
    ) async throws -> Result where Act.ID == IPCActorID {
        let bytes = try await request(actor.id, target, invocation)
        do {
            return try unsafe BinaryCodec.decode(Result.self, from: bytes.span.bytes, userInfo: userInfo)
        } catch {
            throw ActorCallError(error, .answered)
        }
    }

    /// Called by the Swift runtime.
    public func remoteCallVoid<Act: DistributedActor, Failure: Error>(
        on actor: Act, target: RemoteCallTarget, invocation: inout ActorInvocationEncoder, throwing: Failure.Type
    ) async throws where Act.ID == IPCActorID {
        _ = try await request(actor.id, target, invocation)
    }

    private func request(
        _ id: IPCActorID, _ target: RemoteCallTarget, _ invocation: ActorInvocationEncoder
    ) async throws -> [UInt8] {
        let payload = try invocation.payload(for: id, target.identifier)
        let connection = try connection(to: id.system)
        do {
            return try await connection.multiplexer.call(CallPayload.actor, payload, until: Self.deadline)
        } catch {
            throw thrownTypes.error(error, userInfo)
        }
    }

    func connection(to system: ActorSystemID) throws(ActorCallError) -> CallConnection {
        let found = state.withLock { state -> CallConnection? in
            guard let all = state.peers[system] else { return nil }
            return all.count == 1 ? all[0] : all.first { !$0.isOver } ?? all.first
        }
        guard let connection = found else {
            throw ActorCallError(
                IPCError(.unreachable, "there is no connection to the process of the actor", object: "\(system)"),
                .notStarted)
        }
        return connection
    }

    // MARK: Calls in

    /// Serves a call of an actor of this process.
    func serve(_ call: IncomingCall) async throws -> [UInt8] {
        let handler = ActorResultHandler()
        do {
            let invocation = try ActorInvocation(call.payload, self)
            let actor = try local(invocation.actor)
            guard let method = targets.method(invocation.target, of: type(of: actor)) else {
                throw IPCError(
                    .typeMismatch, "\(type(of: actor)) has no method \(invocation.target) that other processes may call"
                )
            }
            var decoder = invocation.decoder
            guard decoder.argumentCount == method.parameterCount else {
                throw IPCError(
                    .decodingFailed,
                    "the method takes \(method.parameterCount) arguments, and the call has \(decoder.argumentCount)")
            }
            try await Self.$deadline.withValue(call.deadline) {
                try await method.call(on: actor, &decoder, handler, self)
            }
        } catch {
            // The runtime hands over what a method throws; what it throws itself kept it from calling the method.
            if handler.result.answer.withLock({ $0 }) == nil { throw Self.refusal(error) }
        }
        guard let answer = handler.result.answer.withLock({ $0 }) else {
            throw CallFailure(IPCError(.taskFailed, "the method ended without a result"))
        }
        return try answer.get()
    }

    private static func refusal(_ error: any Error) -> CallFailure {
        switch error {
        case let error as IPCError: CallFailure(error, reach: .notStarted)
        case let error as ActorCallError: CallFailure(error.error, reach: .notStarted)
        default:
            CallFailure(IPCError(.unsupported, "the method cannot be called: \(error)"), reach: .notStarted)
        }
    }
}

/// Gives the calls of distributed actors that `body` makes a limit. The time that is left travels with each call; a distributed
/// method is called with the deadline of its caller, so that what it calls in turn ends in time too.
///
/// It is a task-local value, so a `Task {}` that is made within has it too; one that is to outlive the call is a `Task.detached`.
///
/// A deadline within another one is the earlier of the two. A call that is late throws ``ActorCallError`` with `.timedOut`, and the
/// task of its method is cancelled.
public func withActorDeadline<Result, Failure: Error>(
    _ deadline: Deadline, _ body: () async throws(Failure) -> Result
) async throws(Failure) -> Result {
    let earlier = min(deadline, IPCActorSystem.deadline)
    var outcome: Swift.Result<Result, Failure>?
    await IPCActorSystem.$deadline.withValue(earlier) {
        do throws(Failure) {
            outcome = .success(try await body())
        } catch {
            outcome = .failure(error)
        }
    }
    return try outcome!.get()
}
