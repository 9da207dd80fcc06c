import IPCSystem
import Synchronization

/// A file descriptor that came in a message, or that is to go in one. Closed when nobody takes it.
///
/// The owner is whoever holds it: ``take()`` gives the number away once, and `deinit` closes what was not taken.
public final class PassedDescriptor: Sendable {
    /// The most descriptors that one message can carry, 253. SCM_MAX_FD, unix(7).
    public static let maximumPerMessage = SocketCalls.maximumDescriptors

    private let number: Atomic<Int32>

    /// Takes over `number`, which must be open and owned by nobody else.
    public init(owning number: Int32) {
        self.number = Atomic(number)
    }

    /// A duplicate of `number`, which stays with its owner. fcntl(2) F_DUPFD_CLOEXEC.
    ///
    /// - Throws: `.invalidArgument` when `number` is not open, `.resourceExhausted` when no descriptor is free.
    public convenience init(duplicating number: Int32) throws(IPCError) {
        let copy = try mapping("duplicate a descriptor", object: "descriptor \(number)") {
            () throws(SystemCallError) in
            try DescriptorCalls.duplicate(number)
        }
        self.init(owning: copy)
    }

    /// The number, which the caller must close from now on; nil when it was taken before.
    public func take() -> Int32? {
        let taken = number.exchange(-1, ordering: .acquiringAndReleasing)
        return taken < 0 ? nil : taken
    }

    /// Gives back a number that `take` gave out: it was to be sent, and was not.
    package func restore(_ taken: Int32) {
        number.store(taken, ordering: .releasing)
    }

    /// The number while this value still owns it. It stays valid only as long as this value lives and nobody takes it.
    package var borrowedNumber: Int32? {
        let current = number.load(ordering: .acquiring)
        return current < 0 ? nil : current
    }

    deinit {
        if let number = take() { closeDescriptor(number) }
    }
}

extension PassedDescriptor: CustomStringConvertible {
    /// The number, or that it was taken.
    public var description: String {
        borrowedNumber.map { "PassedDescriptor(\($0))" } ?? "PassedDescriptor(taken)"
    }
}
