import IPCCore
import IPCSystem

/// A descriptor that a test writes raw bytes to.
final class RawWriter: Sendable {
    private let descriptor: Lock<PassedDescriptor?>

    init(_ descriptor: PassedDescriptor) {
        self.descriptor = Lock(descriptor)
    }

    convenience init(owning number: Int32) {
        self.init(PassedDescriptor(owning: number))
    }

    /// Writes all of `bytes`, trying again every millisecond while there is no room.
    func write(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = try descriptor.withLock { descriptor throws -> Int? in
                guard let number = descriptor?.borrowedNumber else { throw IPCError(.closed, "write raw bytes") }
                return try unsafe rest.withUnsafeBytes { try unsafe DescriptorCalls.write(number, $0) }
            }
            rest = rest.dropFirst(written ?? 0)
            if written == nil { try await Task.sleep(for: .milliseconds(1)) }
        }
    }

    func die() {
        descriptor.withLock { $0 = nil }
    }
}
