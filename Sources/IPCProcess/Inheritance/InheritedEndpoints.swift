import IPCSystem
import Synchronization

/// What the parent gave to this process when it started it: channel ends, listeners, pipe ends, regions, in the order
/// of its `transferring:` argument.
///
/// ```swift
/// // In the parent:
/// let child = try await ChildProcess.spawn("worker", transferring: [theirEnd])
/// // In the child:
/// let channel = try InheritedEndpoints.take(0, as: SocketChannel.self)
/// ```
///
/// Each can be taken once. The first use removes the environment variable that names them
/// (`SWIFT_IPC_INHERITED`, described in Documentation/WireFormat.md) and marks their descriptors close-on-exec, so that
/// they do not go on to a third process by accident. Do that early, before other threads read the environment:
/// unsetenv(3). A descriptor that is no longer the one that the parent meant (the variable went through a program that
/// knows nothing of it) is not offered.
public enum InheritedEndpoints {
    /// The variable that names them, for programs in other languages.
    public static let variable = "SWIFT_IPC_INHERITED"

    private static let slots = Lock<[TransferredDescriptors?]>(readAndUnset())

    /// How many there were, taken or not. 0 in a process that was given none.
    public static var count: Int { slots.withLock { $0.count } }

    /// Takes the one at `index`.
    ///
    /// - Throws: `.notFound` when there is none at `index` or it was taken; what the endpoint's own `receive` throws
    ///   when it is of another kind. It counts as taken then, and is closed.
    public static func take<Endpoint: DescriptorTransferable>(
        _ index: Int, as type: Endpoint.Type = Endpoint.self
    ) throws(IPCError) -> Endpoint {
        let found = slots.withLock { slots -> TransferredDescriptors? in
            guard slots.indices.contains(index) else { return nil }
            defer { slots[index] = nil }
            return slots[index]
        }
        guard let found else {
            throw IPCError(
                .notFound, "take an inherited endpoint: there is none, or it was taken; compare with the parent's list",
                object: "inherited endpoint \(index)")
        }
        return try Endpoint.inherit(found)
    }

    private static func readAndUnset() -> [TransferredDescriptors?] {
        guard let text = EnvironmentCalls.value(of: variable) else { return [] }
        // Without memory the variable stays; its descriptors are taken all the same.
        try? EnvironmentCalls.unset(variable)
        return adopt(text)
    }

    /// The endpoints that `text` names, those whose descriptors are what it says; nil in the places of the others.
    static func adopt(_ text: String) -> [TransferredDescriptors?] {
        guard let items = decode(text) else { return [] }
        let numbers = items.flatMap { $0.descriptors.map(\.number) }
        guard Set(numbers).count == numbers.count else { return [] }
        return items.map { item in
            guard item.descriptors.allSatisfy(\.isAsMeant) else { return nil }
            let owned = item.descriptors.map { descriptor in
                try? DescriptorCalls.setCloseOnExec(descriptor.number)
                return PassedDescriptor(owning: descriptor.number)
            }
            return TransferredDescriptors(descriptors: owned, state: item.state)
        }
    }
}
