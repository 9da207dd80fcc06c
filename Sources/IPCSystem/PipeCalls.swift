import CIPC

/// System calls that move bytes between descriptors inside the kernel, and that look at a descriptor without waiting.
package enum PipeCalls {
    /// splice(2) at the descriptors' own positions, at least one side a pipe: nil when it would block, 0 at the end of
    /// `from`. Without SIGPIPE.
    package static func splice(from: Int32, to: Int32, byteCount: Int) throws(SystemCallError) -> Int? {
        try retryingUnlessBlocked(.splice) { cipc_splice(from, to, byteCount, 0) }
    }

    /// tee(2), both sides pipes: nil when it would block, 0 at the end of `from`. Without SIGPIPE.
    package static func tee(from: Int32, to: Int32, byteCount: Int) throws(SystemCallError) -> Int? {
        try retryingUnlessBlocked(.tee) { cipc_tee(from, to, byteCount) }
    }

    /// What a descriptor is ready for.
    package struct Readiness: OptionSet, Sendable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }
        package static let readable = Readiness(rawValue: CIPC_POLL_READABLE)
        package static let writable = Readiness(rawValue: CIPC_POLL_WRITABLE)
        package static let error = Readiness(rawValue: CIPC_POLL_ERROR)
        package static let hungUp = Readiness(rawValue: CIPC_POLL_HUNG_UP)
    }

    /// poll(2) without waiting. Errors and hang-ups are reported whether asked for or not.
    package static func readiness(_ number: Int32, for asked: Readiness) throws(SystemCallError) -> Readiness {
        Readiness(rawValue: Int32(try retrying(.poll) { cipc_poll_now(number, asked.rawValue) }))
    }

    /// inotify(7): a non-blocking descriptor that becomes readable when somebody opens the file at `path`, or its link
    /// count or name changes. Needs read permission on the file.
    package static func watchOpens(of path: String) throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(owning: Int32(try retrying(.inotify_add_watch) { unsafe cipc_watch_opens(path) }))
    }
}
