/// Which messages of a queue a receiver takes, by their type. Among those that match, the queue's order holds.
///
/// The four are what msgrcv(2) knows. A POSIX queue has no types: there anything but ``any`` is `.unsupported`.
public enum QueueSelection: Sendable, Hashable {
    /// Whatever comes first.
    case any
    /// The first of exactly this type.
    case only(Int)
    /// The first of the lowest type that is there, up to this one.
    case lowest(upTo: Int)
    /// The first that is not of this type.
    case anyExcept(Int)

    /// Whether a message of `type` may be taken; of several, ``lowest(upTo:)`` takes the one with the lowest type.
    public func matches(type: Int) -> Bool {
        switch self {
        case .any: true
        case .only(let wanted): type == wanted
        case .lowest(let limit): type <= limit
        case .anyExcept(let unwanted): type != unwanted
        }
    }

    /// The type that it names, which must be 1 or above; nil for ``any``.
    var namedType: Int? {
        switch self {
        case .any: nil
        case .only(let type), .lowest(let type), .anyExcept(let type): type
        }
    }
}
