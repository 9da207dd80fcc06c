package import IPCSystem
import Synchronization

/// A word in shared memory, and the value at which to sleep.
package struct WordExpectation: Sendable {
    package let word: SharedWord32
    package let expected: UInt32

    package init(_ word: SharedWord32, is expected: UInt32) {
        self.word = word
        self.expected = expected
    }

    /// Whether the word has another value by now.
    package var isOutdated: Bool { word.loadSequential() != expected }
}

/// One task's wait on one or two words.
final class FutexWait: Sendable {
    let point: WaitPoint
    let first: WordExpectation
    let second: WordExpectation?
    /// Keeps the words mapped as long as somebody waits on them.
    let owner: any AnyObject & Sendable
    /// When the task looks again whatever the words say; `.max`: never.
    let looksAgainAt: UInt64
    /// Whether the watcher saw something. Set under the watcher's lock, and then the wait is on that word's list no more.
    let isDue = Atomic<Bool>(false)

    init(
        _ point: WaitPoint, _ first: WordExpectation, _ second: WordExpectation?, owner: any AnyObject & Sendable,
        looksAgainAt: UInt64
    ) {
        self.point = point
        self.first = first
        self.second = second
        self.owner = owner
        self.looksAgainAt = looksAgainAt
    }

    /// Whether the task should look again, by what the words say now.
    var isOutdated: Bool { first.isOutdated || second?.isOutdated == true }

    func expectation(at place: UInt) -> UInt32? {
        if first.word.place == place { return first.expected }
        return second?.word.place == place ? second?.expected : nil
    }
}
