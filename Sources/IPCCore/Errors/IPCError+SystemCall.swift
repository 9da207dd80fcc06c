package import IPCSystem

extension IPCError {
    /// The one place where an errno becomes an error: the code, and a sentence that says what to do.
    package init(_ error: SystemCallError, _ doing: String, object: String? = nil) {
        let (code, advice) = Self.explain(error)
        self.init(
            code, "\(doing): \(advice)", object: object, systemCall: error.call.rawValue, errno: error.errno)
    }

    private static func explain(_ error: SystemCallError) -> (Code, String) {
        switch error.errno {
        case Errno.brokenPipe, Errno.connectionReset, Errno.connectionAborted, Errno.notConnected:
            (.peerClosed, "the other side is gone")
        case Errno.notFound:
            (.notFound, "there is nothing of that name; check the path and that the other side has started")
        case Errno.noDevice:
            (.notFound, "there is no such device or network interface")
        case Errno.notDirectory:
            (.notFound, "a part of the path is not a directory")
        case Errno.exists:
            (.alreadyExists, "something of that name exists; remove it or open it instead")
        case Errno.accessDenied, Errno.notPermitted, Errno.readOnlyFileSystem:
            (.permissionDenied, "the system does not allow it; check owner and permissions")
        case Errno.tooManySymbolicLinks:
            (.permissionDenied, "a symbolic link stands where none is followed")
        case Errno.addressInUse:
            (.addressInUse, "somebody listens there; stop that server or choose another address")
        case Errno.connectionRefused:
            (.connectionRefused, "nobody listens there; start the server first")
        case Errno.networkDown, Errno.networkUnreachable, Errno.hostDown, Errno.hostUnreachable:
            (.unreachable, "the network does not lead there now; check the address, the name server and the network")
        case Errno.addressNotAvailable:
            (.notFound, "this machine has no such address; choose one of its own")
        case Errno.messageTooLong:
            (.messageTooLarge, "the message is too large for the mechanism; send it in parts")
        case Errno.nameTooLong:
            (.invalidName, "the name is too long; choose a shorter one")
        case Errno.tooManyOpenFiles:
            (.resourceExhausted, "this process has no free descriptor; close some or raise RLIMIT_NOFILE")
        case Errno.systemFileTableFull:
            (.resourceExhausted, "the system has no free file; raise fs.file-max")
        case Errno.noMemory, Errno.noBufferSpace:
            (.resourceExhausted, "the system has no memory for it")
        case Errno.noSpace, Errno.quotaExceeded:
            (.resourceExhausted, "the file system is full")
        case Errno.tooManyReferences:
            (.resourceExhausted, "too many descriptors are on their way in sockets; raise RLIMIT_NOFILE")
        case Errno.timedOut:
            (.timedOut, "the deadline passed")
        case Errno.notImplemented, Errno.notSupported, Errno.protocolOptionUnavailable, Errno.familyUnsupported,
            Errno.protocolUnsupported:
            (.unsupported, "this kernel does not offer it")
        case Errno.protocolWrongType:
            (.invalidArgument, "the socket there is of another type")
        case Errno.invalid, Errno.badDescriptor:
            (.invalidArgument, "the system refuses the arguments")
        case Errno.identifierRemoved:
            (.removed, "it was removed while it was in use")
        case Errno.noSuchProcess:
            (.notFound, "the process is gone")
        case Errno.noChild:
            (.statusUnavailable, "another part of the program took the status of this child")
        default:
            (.systemFailure, "the system call failed")
        }
    }

    /// The same for a connection that was there before: when the network gives it up, its peer is gone.
    package init(connection error: SystemCallError, _ doing: String) {
        switch error.errno {
        case Errno.timedOut, Errno.networkDown, Errno.networkUnreachable, Errno.networkReset, Errno.hostDown,
            Errno.hostUnreachable:
            self.init(
                .peerClosed, "\(doing): the network has lost the connection", object: nil,
                systemCall: error.call.rawValue, errno: error.errno)
        default:
            self.init(error, doing)
        }
    }

    package static func cancelled(_ doing: String) -> IPCError {
        IPCError(.cancelled, "\(doing): the task was cancelled")
    }

    package static func timedOut(_ doing: String) -> IPCError {
        IPCError(.timedOut, "\(doing): the deadline passed")
    }

    package static func closed(_ doing: String) -> IPCError {
        IPCError(.closed, "\(doing): this end was closed; open another one")
    }
}

/// Runs system calls and gives their failure the name of what was being done, and to what.
package func mapping<Result: ~Copyable>(
    _ doing: @autoclosure () -> String, object: @autoclosure () -> String? = nil,
    _ body: () throws(SystemCallError) -> Result
) throws(IPCError) -> Result {
    do {
        return try body()
    } catch {
        throw IPCError(error, doing(), object: object())
    }
}
