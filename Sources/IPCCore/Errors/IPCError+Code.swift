extension IPCError {
    /// What kind of failure an ``IPCError`` is. New codes may come: a `switch` needs a `default`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case cancelled, timedOut, peerClosed, truncated, closed, finished, messageTooLarge, protocolViolation
            case wrongMagic, wrongVersion, encodingFailed, decodingFailed, invalidArgument, invalidName, notFound
            case alreadyExists, permissionDenied, addressInUse, connectionRefused, resourceExhausted, unsupported
            case removed, statusUnavailable, executionFailed, processFailed, handshakeFailed, workerCrashed
            case taskFailed, restartLimitReached, outputTooLarge, descriptorsTruncated, systemFailure, typeMismatch
            case participantLost, busy, poisoned, unreachable
        }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// The name of the code.
        public var description: String { kind.rawValue }

        /// The task was cancelled while it waited. Nothing was sent or consumed.
        public static let cancelled = Code(.cancelled)
        /// The deadline passed. Nothing was sent or consumed.
        public static let timedOut = Code(.timedOut)
        /// The peer is gone without having finished: it died, closed, or no one reads any more.
        public static let peerClosed = Code(.peerClosed)
        /// The stream ended inside a message.
        public static let truncated = Code(.truncated)
        /// This end was closed by its owner.
        public static let closed = Code(.closed)
        /// This end called `finish` before and cannot send any more.
        public static let finished = Code(.finished)
        /// A message above the limit, on the way out or as announced by the peer.
        public static let messageTooLarge = Code(.messageTooLarge)
        /// The peer sent what the protocol does not allow.
        public static let protocolViolation = Code(.protocolViolation)
        /// The peer does not speak this protocol at all.
        public static let wrongMagic = Code(.wrongMagic)
        /// The peer speaks a version of the protocol that this one cannot.
        public static let wrongVersion = Code(.wrongVersion)
        /// A value could not be encoded.
        public static let encodingFailed = Code(.encodingFailed)
        /// A message is not a value of the expected type.
        public static let decodingFailed = Code(.decodingFailed)
        /// An argument that cannot be right.
        public static let invalidArgument = Code(.invalidArgument)
        /// A name that the mechanism cannot have: empty, too long, or with a character that it forbids.
        public static let invalidName = Code(.invalidName)
        /// There is nothing of that name.
        public static let notFound = Code(.notFound)
        /// There is something of that name already.
        public static let alreadyExists = Code(.alreadyExists)
        /// The system, or an authorisation closure, said no.
        public static let permissionDenied = Code(.permissionDenied)
        /// Somebody listens at this address.
        public static let addressInUse = Code(.addressInUse)
        /// Nobody listens at this address.
        public static let connectionRefused = Code(.connectionRefused)
        /// The network does not lead to this address now, or nobody can say where a name leads.
        public static let unreachable = Code(.unreachable)
        /// A limit of the system or of this library is reached; the message says which.
        public static let resourceExhausted = Code(.resourceExhausted)
        /// The kernel or the mechanism cannot do this.
        public static let unsupported = Code(.unsupported)
        /// The object was removed while it was in use.
        public static let removed = Code(.removed)
        /// The exit status of a child was taken by another part of the program.
        public static let statusUnavailable = Code(.statusUnavailable)
        /// A program could not be started.
        public static let executionFailed = Code(.executionFailed)
        /// A program ended with a status other than success.
        public static let processFailed = Code(.processFailed)
        /// The other process did not introduce itself as expected, or not in time.
        public static let handshakeFailed = Code(.handshakeFailed)
        /// A worker process died while it ran the task.
        public static let workerCrashed = Code(.workerCrashed)
        /// The task ran in the other process and threw.
        public static let taskFailed = Code(.taskFailed)
        /// Processes die faster than they may be replaced.
        public static let restartLimitReached = Code(.restartLimitReached)
        /// A program wrote more than was to be collected.
        public static let outputTooLarge = Code(.outputTooLarge)
        /// Descriptors were lost on the way (MSG_CTRUNC), so the connection ended.
        public static let descriptorsTruncated = Code(.descriptorsTruncated)
        /// This process has no place in the shared region any more: it is the child of a fork of the process that had it,
        /// or others have declared it dead.
        public static let participantLost = Code(.participantLost)
        /// A shared object is of another type, layout or size than expected; the message says what was expected and what was
        /// found.
        public static let typeMismatch = Code(.typeMismatch)
        /// Somebody else has it, and only one can.
        public static let busy = Code(.busy)
        /// What a lock protects is in doubt: its owner died, and recovery failed. It stays so until somebody repairs or resets
        /// it.
        public static let poisoned = Code(.poisoned)
        /// A system call failed in a way that has no code of its own; see `systemCall` and `errno`.
        public static let systemFailure = Code(.systemFailure)
    }
}
