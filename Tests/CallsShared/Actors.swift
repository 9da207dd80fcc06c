public import Distributed
public import IPCDistributed

/// Asks the other process to do something: `die`, `wait`, else its process id.
public struct Work: CallRequest {
    public typealias Reply = Int
    public static var callName: String { "work" }
    public var what: String

    public init(_ what: String) {
        self.what = what
    }
}

public struct Refusal: Error, Codable, Equatable {
    public var reason: Int

    public init(_ reason: Int) {
        self.reason = reason
    }
}

/// An error that holds a reference.
public struct Handover: Error, Codable {
    public var visitor: Visitor
}

/// An error of which nobody is told.
public struct Private: Error, CustomStringConvertible {
    public var description: String { "a private matter" }
}

public struct Pair<First: Codable & Sendable, Second: Codable & Sendable>: Codable, Sendable {
    public var first: First
    public var second: Second
}

/// Guests in a value, as an argument is one.
public struct Party: Codable, Sendable {
    public var guests: [Visitor]

    public init(_ guests: [Visitor]) {
        self.guests = guests
    }
}

public distributed actor Visitor {
    public typealias ActorSystem = IPCActorSystem

    private var calls = 0

    public distributed func greet(_ name: String) -> String {
        calls += 1
        return "visitor greets \(name)"
    }

    public distributed var count: Int { calls }
}

public distributed actor Office {
    public typealias ActorSystem = IPCActorSystem

    private var sum = 0
    private var room: Visitor?
    private var cancelled = 0
    private var waiting = 0

    /// Whatever the numbers are: hostile ones come too.
    public distributed func add(_ first: Int, _ second: Int) -> Int { first &+ second }

    public distributed func accumulate(_ amount: Int) { sum += amount }

    public distributed var total: Int { sum }

    public distributed func refuse(_ reason: Int) throws { throw Refusal(reason) }
    public distributed func refuseTyped(_ reason: Int) throws(Refusal) -> Int { throw Refusal(reason) }
    public distributed func handOver(_ visitor: Visitor) throws { throw Handover(visitor: visitor) }
    public distributed func failPrivately() throws -> Int { throw Private() }
    public distributed func failAsTheLibrary() throws { throw IPCError(.busy, "the office is full") }

    public distributed func twice<Value: Codable & Sendable>(_ value: Value) -> [Value] { [value, value] }

    public distributed func pair<First: Codable & Sendable, Second: Codable & Sendable>(
        _ first: First, _ second: Second
    ) -> Pair<First, Second> {
        Pair(first: first, second: second)
    }

    /// Calls the visitor back.
    public distributed func introduce(_ visitor: Visitor) async throws -> String {
        try await visitor.greet("the office")
    }

    public distributed func welcome(_ party: Party) async throws -> Int {
        var count = 0
        for guest in party.guests {
            _ = try await guest.greet("all")
            count += try await guest.count
        }
        return count
    }

    /// An actor of this process as a result. It lives as long as the office keeps it.
    public distributed func openRoom() -> Visitor {
        let visitor = Visitor(actorSystem: actorSystem)
        room = visitor
        return visitor
    }

    public distributed func closeRoom() { room = nil }

    public distributed func this() -> Office { self }

    public distributed func wait() async throws {
        waiting += 1
        do {
            try await Task.sleep(for: .seconds(600))
        } catch {
            cancelled += 1
            throw error
        }
    }

    public distributed var cancellations: Int { cancelled }
    /// How often ``wait()`` was begun.
    public distributed var waits: Int { waiting }
}

/// Methods of an extension in the same module.
extension Office {
    public distributed func extra(_ text: String) -> String { text + "!" }
}

/// An actor within another type's name.
extension Office {
    public distributed actor Annex {
        public typealias ActorSystem = IPCActorSystem
        public distributed func look() -> String { "annex" }
    }
}

/// An actor within a method of another one: the names of its methods begin with that one's.
extension Office {
    public func local() -> String {
        distributed actor Inner {
            typealias ActorSystem = IPCActorSystem
            private let papers = "papers"
            distributed func look() -> String { papers }
        }
        return "\(Inner.self)"
    }
}

/// An actor of another type.
public distributed actor Safe {
    public typealias ActorSystem = IPCActorSystem
    private let secret = "secret"
    public distributed func open() -> String { secret }
}

/// A generic actor.
public distributed actor Shelf<Item: Codable & Sendable> {
    public typealias ActorSystem = IPCActorSystem
    private var items: [Item] = []
    public distributed func put(_ item: Item) -> Int {
        items.append(item)
        return items.count
    }
    public distributed func all() -> [Item] { items }
}
