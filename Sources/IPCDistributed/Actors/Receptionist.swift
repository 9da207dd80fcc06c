public import Distributed
import IPCSystem

/// The actors of a system that have names. It keeps them alive.
final class Receptionist: Sendable {
    struct Entry: Sendable {
        let actor: any DistributedActor
        let id: IPCActorID
        /// The name of the actor's type.
        let type: String
    }

    /// Who lists the actors of a type.
    ///
    /// It holds which names have changed, not what became of them: a reader that takes nothing costs no more than there are
    /// names, and what it takes later is how things are by then.
    private struct Listener: Sendable {
        let type: String
        /// Rings when there is something to tell.
        let bell: AsyncStream<Void>.Continuation
        /// Who is there as far as the reader knows.
        var told: [String: IPCActorID] = [:]
        /// The names that have changed, with the number of the change.
        var changed: [String: Int] = [:]
        /// They in order of their changes, and some that changed back meanwhile.
        var queue = ArrayQueue<(name: String, number: Int)>()
        var lastNumber = 0

        /// Notes that `name` is now `id`'s, or nobody's.
        mutating func note(_ name: String, _ id: IPCActorID?) {
            guard told[name] != id else {
                changed[name] = nil
                return
            }
            guard changed[name] == nil else { return }
            lastNumber += 1
            changed[name] = lastNumber
            if queue.count > 2 * changed.count + 16 {
                let changed = changed
                queue.removeAll { changed[$0.name] != $0.number }
            }
            queue.append((name, lastNumber))
            bell.yield()
        }

        /// The name that changed first of those of which nothing was told yet.
        mutating func next() -> String? {
            while let next = queue.popFirst() {
                if changed[next.name] == next.number {
                    changed[next.name] = nil
                    return next.name
                }
            }
            return nil
        }
    }

    private struct State: Sendable {
        var entries: [String: Entry] = [:]
        var lastID = 0
        var listeners: [Int: Listener] = [:]

        mutating func tell(_ name: String, _ type: String, _ id: IPCActorID?) {
            for key in Array(listeners.keys) where listeners[key]!.type == type { listeners[key]!.note(name, id) }
        }
    }

    /// What a listing sends.
    struct Change: Codable, Sendable {
        var name: String
        /// Nil when it has left.
        var id: IPCActorID?
    }

    private let state = Lock(State())

    func checkIn(_ entry: Entry, _ name: String) throws(IPCError) {
        try state.withLock { state throws(IPCError) in
            guard state.entries[name] == nil else {
                throw IPCError(.alreadyExists, "an actor is checked in under this name", object: name)
            }
            state.entries[name] = entry
            state.tell(name, entry.type, entry.id)
        }
    }

    func checkOut(_ name: String) {
        // The actor may end with its entry: not under the lock.
        let entry = state.withLock { state in
            let entry = state.entries.removeValue(forKey: name)
            if let entry { state.tell(name, entry.type, nil) }
            return entry
        }
        withExtendedLifetime(entry) {}
    }

    func find(_ name: String) -> Entry? { state.withLock { $0.entries[name] } }

    /// Tells of the actors of a type that are there, and then of what changes, until the task is cancelled or `tell` throws.
    func list(_ type: String, _ tell: (Change) async throws -> Void) async throws {
        let (rings, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.lastID += 1
            var listener = Listener(type: type, bell: bell)
            for (name, entry) in state.entries where entry.type == type { listener.note(name, entry.id) }
            state.listeners[state.lastID] = listener
            return state.lastID
        }
        defer { _ = state.withLock { $0.listeners.removeValue(forKey: id) } }
        for await _ in rings {
            while let change = next(id) { try await tell(change) }
        }
    }

    /// What the listener is to be told next.
    private func next(_ listener: Int) -> Change? {
        state.withLock { state in
            guard let name = state.listeners[listener]?.next() else { return nil }
            let entry = state.entries[name].flatMap { $0.type == state.listeners[listener]!.type ? $0 : nil }
            // Another one of the same name: the one that was told of leaves first.
            let isOther = entry != nil && state.listeners[listener]!.told[name] != nil
            let id = isOther ? nil : entry?.id
            state.listeners[listener]!.told[name] = id
            if isOther { state.listeners[listener]!.note(name, entry?.id) }
            return Change(name: name, id: id)
        }
    }
}

/// Asks for an actor by its name.
struct FindActor: CallRequest {
    typealias Reply = IPCActorID
    static var callName: String { "swift-ipc/find-actor" }
    static var isIdempotent: Bool { true }
    var name: String
    var type: String
}

/// Asks for the actors of a type, and for their comings and goings.
struct ListActors: StreamRequest {
    typealias Item = Receptionist.Change
    static var callName: String { "swift-ipc/list-actors" }
    var type: String
}

/// What a listing tells.
public enum ActorListing<Act: DistributedActor>: Sendable {
    /// An actor of this name is there.
    case arrived(String, Act)
    /// The one of this name was checked out.
    case left(String)
}

extension IPCActorSystem {
    /// Gives an actor of this process a name by which connected systems find it, and keeps it alive until it is checked out.
    ///
    /// - Throws: `.alreadyExists` when the name is taken; `.invalidArgument` for an actor of another process or an empty name.
    public func checkIn<Act: DistributedActor>(
        _ actor: Act, as name: String
    ) throws(IPCError) where Act.ID == IPCActorID {
        guard actor.id.system == id, !name.isEmpty else {
            throw IPCError(
                .invalidArgument, "check in an actor: it lives elsewhere, or its name is empty", object: name)
        }
        let entry = Receptionist.Entry(actor: actor, id: actor.id, type: ThrownTypes.name(of: Act.self))
        try receptionist.checkIn(entry, name)
    }

    /// Takes a name away. The actor lives on if somebody holds it. Does nothing for a name that nobody has.
    public func checkOut(_ name: String) { receptionist.checkOut(name) }

    /// Finds an actor by its name.
    ///
    /// - Parameters:
    ///   - type: the type of the actor.
    ///   - name: the name under which it is checked in.
    ///   - system: where: a connected system, or this one.
    ///   - deadline: until when the other system may take to answer.
    /// - Throws: ``ActorCallError`` with `.notFound`, `.typeMismatch` when the actor of that name is another type, `.unreachable` when
    ///   there is no connection, and what a call throws.
    public func lookUp<Act: DistributedActor>(
        _ type: Act.Type, named name: String, at system: ActorSystemID, until deadline: Deadline = .never
    ) async throws -> Act where Act.ID == IPCActorID, Act.ActorSystem == IPCActorSystem {
        let request = FindActor(name: name, type: ThrownTypes.name(of: type))
        let found: IPCActorID
        if system == id {
            do throws(IPCError) {
                found = try find(request)
            } catch {
                throw ActorCallError(error, .answered)
            }
        } else {
            let connection = try connection(to: system)
            do throws(CallError<Never>) {
                found = try await connection.call(request, until: min(deadline, Self.deadline))
            } catch {
                throw ActorCallError(error)
            }
        }
        // A peer may name actors of its own alone.
        guard found.system == system else {
            throw ActorCallError(
                IPCError(.protocolViolation, "the peer named an actor of another process"), .answered)
        }
        return try Act.resolve(id: found, using: self)
    }

    /// The actors of a type that a connected system has checked in, and then those that come and go.
    ///
    /// A reader that is slow misses what has passed meanwhile: an actor that came and went, but never how things are now.
    ///
    /// Letting go of the sequence ends it. It throws when the connection ends.
    public func listing<Act: DistributedActor>(
        of type: Act.Type, at system: ActorSystemID
    ) throws(ActorCallError) -> ActorListings<Act> where Act.ID == IPCActorID, Act.ActorSystem == IPCActorSystem {
        let connection = try connection(to: system)
        do throws(CallError<Never>) {
            let items = try connection.stream(ListActors(type: ThrownTypes.name(of: type)))
            return ActorListings(items: items, origin: system, system: self)
        } catch {
            throw ActorCallError(error)
        }
    }

    func addReceptionist(to handlers: inout CallHandlers) {
        handlers.on(FindActor.self) { request, _ in try self.find(request) }
        handlers.on(ListActors.self) { request, listings, _ in
            try await self.receptionist.list(request.type) { change in try await listings.send(change) }
        }
    }

    private func find(_ request: FindActor) throws(IPCError) -> IPCActorID {
        guard let entry = receptionist.find(request.name) else {
            throw IPCError(.notFound, "no actor is checked in under this name", object: request.name)
        }
        guard entry.type == request.type else {
            throw IPCError(
                .typeMismatch, "expected an actor of type \(request.type), and it is \(entry.type)",
                object: request.name)
        }
        return entry.id
    }
}

/// The listing of a type of actors at another system. See ``IPCActorSystem/listing(of:at:)``.
public struct ActorListings<Act: DistributedActor>: AsyncSequence, Sendable
where Act.ID == IPCActorID, Act.ActorSystem == IPCActorSystem {
    public typealias Element = ActorListing<Act>

    let items: ItemStream<Receptionist.Change, Never>
    let origin: ActorSystemID
    let system: IPCActorSystem

    /// One pass over the listing.
    public struct AsyncIterator: AsyncIteratorProtocol {
        var items: ItemStream<Receptionist.Change, Never>.AsyncIterator
        let origin: ActorSystemID
        let system: IPCActorSystem

        /// The next arrival or departure; nil when the other system ends the listing.
        ///
        /// - Throws: ``ActorCallError``.
        public mutating func next() async throws -> ActorListing<Act>? {
            let change: Receptionist.Change?
            do {
                change = try await items.next()
            } catch {
                throw ActorCallError(error)
            }
            guard let change else { return nil }
            guard let id = change.id else { return .left(change.name) }
            guard id.system == origin else {
                throw ActorCallError(
                    IPCError(.protocolViolation, "the peer listed an actor of another process"), .answered)
            }
            return .arrived(change.name, try Act.resolve(id: id, using: system))
        }
    }

    /// Starts the pass.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(items: items.makeAsyncIterator(), origin: origin, system: system)
    }
}

@available(*, unavailable)
extension ActorListings.AsyncIterator: Sendable {}
