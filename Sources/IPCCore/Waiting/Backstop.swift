import Synchronization

/// How long whoever sleeps on shared memory sleeps at most before it looks again by itself, announced or not.
///
/// With every wake-up in order nobody needs it. It turns one that is lost, by a fault of ours or of a program that shares
/// the memory, into a delay. A test that is to see such a fault switches it off: then a lost wake-up is a hang.
package enum Backstop {
    private static let isOff = Atomic<Bool>(false)

    /// `usual` nanoseconds, or an hour when it is off.
    package static func limit(_ usual: UInt64) -> UInt64 {
        isOff.load(ordering: .relaxed) ? 3_600_000_000_000 : usual
    }

    /// For the whole process, and for sleeps that begin after this: for tests.
    package static func switchOff() { isOff.store(true, ordering: .relaxed) }
}
