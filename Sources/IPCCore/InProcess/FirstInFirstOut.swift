/// A queue with constant cost at both ends, on average.
struct FirstInFirstOut<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var count: Int { elements.count - head }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ element: Element) {
        elements.append(element)
    }

    mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        defer {
            elements[head] = nil
            head += 1
            // Half of the array is used up: moving the rest costs what the pops before have saved.
            if head * 2 >= elements.count {
                elements.removeFirst(head)
                head = 0
            }
        }
        return elements[head]
    }

    /// Takes out the first element that fits; false if there is none.
    mutating func remove(where fits: (Element) -> Bool) -> Bool {
        guard let index = elements[head...].firstIndex(where: { $0.map(fits) ?? false }) else { return false }
        elements.remove(at: index)
        return true
    }
}

extension FirstInFirstOut: Sendable where Element: Sendable {}
