import IPCSystem

/// Whose named objects are opened. A name in a folder that others may write to can be taken by anybody first: an object
/// of the wrong owner is refused.
public enum TrustedOwner: Sendable, Hashable {
    /// The effective user of this process, and root, who can do everything anyway.
    case thisUserOrRoot
    /// One user, by id.
    case user(UInt32)
    /// Anybody: for places where the folder itself says who may make what.
    case anyone

    /// Whether an object of `owner` is trusted.
    package func includes(_ owner: UInt32) -> Bool {
        switch self {
        case .thisUserOrRoot: owner == ProcessFacts.effectiveUser || owner == 0
        case .user(let user): owner == user
        case .anyone: true
        }
    }
}
