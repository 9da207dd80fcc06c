/// First in, first out, in one array: what is appended at the back leaves at the front.
@usableFromInline
package struct ArrayQueue<Element> {
    @usableFromInline var storage: [Element?] = []
    @usableFromInline var head = 0

    @inlinable
    package init() {}

    @inlinable
    package var count: Int { storage.count - head }

    @inlinable
    package var isEmpty: Bool { head == storage.count }

    @inlinable
    package var first: Element? { isEmpty ? nil : storage[head] }

    @inlinable
    package mutating func append(_ element: Element) {
        storage.append(element)
    }

    /// Puts `elements` before all others, in their order.
    @inlinable
    package mutating func prepend(_ elements: [Element]) {
        storage.replaceSubrange(..<head, with: elements.map { Optional($0) })
        head = 0
    }

    @inlinable
    package mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = storage[head].take()
        head += 1
        if isEmpty {
            storage.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64 && head * 2 >= storage.count {
            // Half of the array is holes: move the rest once, so that each element is moved once on average.
            storage.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Takes out all elements, in their order.
    @inlinable
    package mutating func removeAll() -> [Element] {
        defer {
            storage.removeAll()
            head = 0
        }
        return storage[head...].map { $0! }
    }

    /// Takes out those that `isUnwanted` picks.
    @inlinable
    package mutating func removeAll(where isUnwanted: (Element) -> Bool) {
        storage = storage[head...].filter { !isUnwanted($0!) }
        head = 0
    }

    /// Takes out the first that `isWanted` picks.
    @inlinable
    package mutating func removeFirst(where isWanted: (Element) -> Bool) -> Element? {
        guard let index = storage[head...].firstIndex(where: { isWanted($0!) }) else { return nil }
        return storage.remove(at: index)
    }

    /// Changes each element in place, from the front.
    @inlinable
    package mutating func mutateEach(_ change: (inout Element) -> Void) {
        for index in head..<storage.count { change(&storage[index]!) }
    }
}

extension ArrayQueue: Sendable where Element: Sendable {}
