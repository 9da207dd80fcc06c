import IPCSystem
import Synchronization

/// A property of a task, or of its output, that goes to the other process as descriptors: a region of shared memory, a
/// channel, an open file.
///
/// ```swift
/// struct Sum: WorkerTask {
///     @Transferred var numbers: SharedMemory
///
///     func run(in context: WorkerContext) async throws -> Int { … }
/// }
/// ```
///
/// Encoding gives the object away, as ``DescriptorTransferable/transfer()`` says: a channel is closed here then, a region
/// stays mapped on both sides. A task that is tried again brings its descriptors again.
@propertyWrapper
public struct Transferred<Object: DescriptorTransferable>: Codable, Sendable {
    /// The object.
    public let wrappedValue: Object

    /// An object to give away.
    public init(wrappedValue: Object) {
        self.wrappedValue = wrappedValue
    }

    private struct Form: Codable {
        var state: [UInt8]
        var count: Int
    }

    /// Puts the object's descriptors aside, for the message that the value goes in.
    ///
    /// - Throws: `.unsupported` where that is not a task or an output on its way between a pool and a worker.
    public func encode(to encoder: any Encoder) throws {
        guard let luggage = DescriptorLuggage.current else { throw DescriptorLuggage.isMissing }
        let transferred = try wrappedValue.transfer()
        luggage.put(transferred.descriptors)
        try Form(state: transferred.state, count: transferred.descriptors.count).encode(to: encoder)
    }

    /// Takes the object's descriptors out of the message that the value came in.
    public init(from decoder: any Decoder) throws {
        guard let luggage = DescriptorLuggage.current else { throw DescriptorLuggage.isMissing }
        let form = try Form(from: decoder)
        let descriptors = try luggage.take(form.count)
        wrappedValue = try Object.receive(TransferredDescriptors(descriptors: descriptors, state: form.state))
    }
}

/// The descriptors of one value while it is encoded or decoded.
final class DescriptorLuggage: Sendable {
    /// Set round an encoding or a decoding that may meet descriptors.
    @TaskLocal static var current: DescriptorLuggage?

    /// Thrown where nobody set it. Its object is what tells it from other errors.
    static let isMissing = IPCError(
        .unsupported, "send a descriptor: it can travel in a task or its output, and in no other message",
        object: "@Transferred")

    private let contents: Lock<[PassedDescriptor]>

    init(_ contents: [PassedDescriptor] = []) {
        self.contents = Lock(contents)
    }

    func put(_ descriptors: [PassedDescriptor]) { contents.withLock { $0 += descriptors } }

    func take(_ count: Int) throws(IPCError) -> [PassedDescriptor] {
        try contents.withLock { contents throws(IPCError) in
            guard count >= 0, count <= contents.count else {
                throw IPCError(.decodingFailed, "receive a descriptor: \(count) are expected, \(contents.count) came")
            }
            defer { contents.removeFirst(count) }
            return Array(contents.prefix(count))
        }
    }

    /// Everything that nobody has taken.
    func empty() -> [PassedDescriptor] {
        contents.withLock { contents in
            defer { contents = [] }
            return contents
        }
    }
}
