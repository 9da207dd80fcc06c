/// The error numbers that this package tells apart. The same on every Linux architecture that it supports.
@usableFromInline
package enum Errno {
    package static let notPermitted: Int32 = 1  // EPERM
    package static let notFound: Int32 = 2  // ENOENT
    package static let noSuchProcess: Int32 = 3  // ESRCH
    @usableFromInline package static let interrupted: Int32 = 4  // EINTR
    package static let inputOutput: Int32 = 5  // EIO
    package static let noSuchDevice: Int32 = 6  // ENXIO
    package static let argumentListTooLong: Int32 = 7  // E2BIG
    package static let notExecutable: Int32 = 8  // ENOEXEC
    package static let badDescriptor: Int32 = 9  // EBADF
    package static let noChild: Int32 = 10  // ECHILD
    @usableFromInline package static let wouldBlock: Int32 = 11  // EAGAIN
    package static let noMemory: Int32 = 12  // ENOMEM
    package static let accessDenied: Int32 = 13  // EACCES
    package static let busy: Int32 = 16  // EBUSY
    package static let exists: Int32 = 17  // EEXIST
    package static let notDirectory: Int32 = 20  // ENOTDIR
    package static let isDirectory: Int32 = 21  // EISDIR
    package static let invalid: Int32 = 22  // EINVAL
    package static let systemFileTableFull: Int32 = 23  // ENFILE
    package static let tooManyOpenFiles: Int32 = 24  // EMFILE
    package static let noSpace: Int32 = 28  // ENOSPC
    package static let readOnlyFileSystem: Int32 = 30  // EROFS
    package static let brokenPipe: Int32 = 32  // EPIPE
    package static let nameTooLong: Int32 = 36  // ENAMETOOLONG
    package static let notImplemented: Int32 = 38  // ENOSYS
    package static let tooManySymbolicLinks: Int32 = 40  // ELOOP
    package static let protocolError: Int32 = 71  // EPROTO
    package static let protocolWrongType: Int32 = 91  // EPROTOTYPE
    package static let protocolOptionUnavailable: Int32 = 92  // ENOPROTOOPT
    package static let notSupported: Int32 = 95  // EOPNOTSUPP
    package static let addressInUse: Int32 = 98  // EADDRINUSE
    package static let connectionAborted: Int32 = 103  // ECONNABORTED
    package static let connectionReset: Int32 = 104  // ECONNRESET
    package static let noBufferSpace: Int32 = 105  // ENOBUFS
    package static let notConnected: Int32 = 107  // ENOTCONN
    package static let tooManyReferences: Int32 = 109  // ETOOMANYREFS
    package static let timedOut: Int32 = 110  // ETIMEDOUT
    package static let connectionRefused: Int32 = 111  // ECONNREFUSED
    package static let inProgress: Int32 = 115  // EINPROGRESS
    package static let quotaExceeded: Int32 = 122  // EDQUOT
}
