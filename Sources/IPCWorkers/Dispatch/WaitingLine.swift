/// Tasks that wait, by priority and then by the order in which they came.
struct WaitingLine<Element: Sendable>: Sendable {
    private struct Class: Sendable {
        var priority: WorkerPriority
        var queue = ArrayQueue<Element>()
    }

    /// The most urgent first. There are seldom more than one, and those that are there stay.
    private var classes: [Class] = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// The next to be taken.
    var first: Element? {
        for index in classes.indices {
            if let element = classes[index].queue.first { return element }
        }
        return nil
    }

    mutating func popFirst() -> Element? {
        for index in classes.indices {
            if let element = classes[index].queue.popFirst() {
                count -= 1
                return element
            }
        }
        return nil
    }

    mutating func append(_ element: Element, _ priority: WorkerPriority) {
        classes[place(of: priority)].queue.append(element)
        count += 1
    }

    /// Puts elements before the others of their priority, in their order.
    mutating func prepend(_ elements: [Element], _ priority: WorkerPriority) {
        classes[place(of: priority)].queue.prepend(elements)
        count += elements.count
    }

    mutating func removeAll() -> [Element] {
        defer {
            classes = []
            count = 0
        }
        var all: [Element] = []
        for index in classes.indices { all += classes[index].queue.removeAll() }
        return all
    }

    mutating func removeAll(where isUnwanted: (Element) -> Bool) {
        for index in classes.indices { classes[index].queue.removeAll(where: isUnwanted) }
        count = classes.reduce(0) { $0 + $1.queue.count }
    }

    private mutating func place(of priority: WorkerPriority) -> Int {
        let index = classes.firstIndex { $0.priority <= priority } ?? classes.count
        if index == classes.count || classes[index].priority != priority {
            classes.insert(Class(priority: priority), at: index)
        }
        return index
    }
}
