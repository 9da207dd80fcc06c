import IPCSystem

/// What an end of a broadcast waits on, and what keeps it mapped: the region, and a word of its own that ends the wait when the
/// end is closed.
///
/// Not the end itself: others wait for it to go, and its words are watched for a moment after its last wait.
final class BroadcastSleep: Sendable {
    let region: MappedMemory
    let closing = FutexWord()

    init(_ region: MappedMemory) { self.region = region }
}
