/// What is to happen with a name: a FIFO's path, a queue's or a region's name.
public enum CreationIntent: Sendable, Hashable {
    /// Make it. It is an error (`.alreadyExists`) when there is something of that name.
    case create
    /// Use what is there. It is an error (`.notFound`) when there is nothing of that name.
    case open
    /// Use what is there, and make it when there is nothing. Two processes that do so at once end up with the same one.
    case openOrCreate
}
