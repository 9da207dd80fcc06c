/// The one error of this library: what went wrong, with which object, and what to do about it.
///
/// Switch over ``code``; print the error for people. Cancellation is an error like the others
/// (``isCancellation``), never a `CancellationError`, so that one `catch` sees every outcome.
public struct IPCError: Error, Sendable {
    /// One reference, so that a typed throw costs one word.
    private final class Storage: Sendable {
        let code: Code
        let message: String
        let object: String?
        let systemCall: String?
        let errno: Int32?
        let detail: (any Sendable)?

        init(
            _ code: Code, _ message: String, _ object: String?, _ systemCall: String?, _ errno: Int32?,
            _ detail: (any Sendable)? = nil
        ) {
            self.code = code
            self.message = message
            self.object = object
            self.systemCall = systemCall
            self.errno = errno
            self.detail = detail
        }
    }

    private let storage: Storage

    /// An error as transports, codecs and services throw it.
    ///
    /// - Parameters:
    ///   - code: what kind of failure it is.
    ///   - message: one sentence for a person, with what to do about it.
    ///   - object: the name of what failed (a path, a queue, a process), if it has one.
    public init(_ code: Code, _ message: String, object: String? = nil) {
        storage = Storage(code, message, object, nil, nil)
    }

    package init(_ code: Code, _ message: String, object: String?, systemCall: String?, errno: Int32?) {
        storage = Storage(code, message, object, systemCall, errno)
    }

    /// An error with more to tell than text, for a module of this library to offer in a form of its own.
    package init(_ code: Code, _ message: String, object: String?, detail: (any Sendable)?) {
        storage = Storage(code, message, object, nil, nil, detail)
    }

    /// The same error with the name of what it is about, unless it has one.
    package func about(_ object: String) -> IPCError {
        self.object == nil ? IPCError(Storage(code, message, object, systemCall, errno, detail)) : self
    }

    private init(_ storage: Storage) { self.storage = storage }

    /// What a module of this library added.
    package var detail: (any Sendable)? { storage.detail }

    /// What kind of failure it is.
    public var code: Code { storage.code }

    /// One sentence for a person, with what to do about it.
    public var message: String { storage.message }

    /// The name of what failed (a path, a queue, a process), if it has one.
    public var object: String? { storage.object }

    /// The system call that failed, if one did.
    public var systemCall: String? { storage.systemCall }

    /// The errno of that call.
    public var errno: Int32? { storage.errno }

    /// Whether the task that waited was cancelled.
    public var isCancellation: Bool { code == .cancelled }
}

extension IPCError: CustomStringConvertible {
    /// Everything that is known, on one line.
    public var description: String {
        var text = "\(code): \(message)"
        if let object { text += " [\(object)]" }
        if let systemCall, let errno { text += " (\(systemCall): errno \(errno))" }
        return text
    }
}

extension IPCError: Equatable {
    /// Errors are equal when everything that can be asked of them is.
    public static func == (left: IPCError, right: IPCError) -> Bool {
        left.storage === right.storage
            || (left.code == right.code && left.message == right.message && left.object == right.object
                && left.systemCall == right.systemCall && left.errno == right.errno)
    }
}
