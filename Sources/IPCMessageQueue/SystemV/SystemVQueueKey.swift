public import IPCCore
import IPCSync

/// By what a System V queue is found: a number that programs agree on. msgget(2).
public struct SystemVQueueKey: Sendable, Hashable {
    /// The number. 0, IPC_PRIVATE, names nothing.
    public let rawValue: Int32

    /// This number, which is not 0: a queue without a key is made by
    /// ``SystemVMessageQueue/makePrivate(options:)``.
    ///
    /// - Throws: `.invalidArgument` for 0.
    public init(_ number: Int32) throws(IPCError) {
        guard number != 0 else {
            throw IPCError(
                .invalidArgument, "name a System V queue: key 0 (IPC_PRIVATE) names nothing; choose another number")
        }
        rawValue = number
    }

    /// One that the kernel has.
    init(checked number: Int32) { rawValue = number }

    /// The key that programs agree on by a path, which must exist, and a number. ftok(3).
    ///
    /// It follows the file, not the path: whoever replaces the file gets another key. Different files may have the same
    /// key.
    ///
    /// - Throws: `.notFound`, `.permissionDenied`; `.invalidArgument` for project 0, with which the result is undefined.
    public init(path: String, project: UInt8 = 1) throws(IPCError) {
        guard project != 0 else {
            throw IPCError(
                .invalidArgument, "make a key: a project number from 1 to 255 is needed (ftok)", object: path)
        }
        try self.init(SystemVSemaphoreSet.key(of: path, project: project))
    }
}

extension SystemVQueueKey: CustomStringConvertible {
    /// Eight hexadecimal digits, as ipcs(1) shows it.
    public var description: String {
        let digits = String(UInt32(bitPattern: rawValue), radix: 16)
        return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
