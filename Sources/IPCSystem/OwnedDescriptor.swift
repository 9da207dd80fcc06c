import CIPC

/// A file descriptor with one owner, closed when the owner is done with it.
@usableFromInline
package struct OwnedDescriptor: ~Copyable, Sendable {
    /// The number, valid as long as this value lives.
    @usableFromInline package let number: Int32

    /// Takes over `number`, which must be open and owned by nobody else.
    @inlinable
    package init(owning number: Int32) {
        self.number = number
    }

    /// Gives the number to the caller, who must close it.
    package consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }

    /// Another descriptor of the same open file. fcntl(2) F_DUPFD_CLOEXEC.
    package borrowing func duplicate() throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(owning: try DescriptorCalls.duplicate(number))
    }

    deinit { closeDescriptor(number) }
}

/// close(2), once: after EINTR the number is gone already, and EBADF means that somebody closed what is not his.
package func closeDescriptor(_ number: Int32) {
    let result = cipc_close(number)
    precondition(result != -Errno.badDescriptor, "descriptor \(number) was closed by somebody who does not own it")
}
